#include "base/bandwidth.h"

#include <gtest/gtest.h>

#include <vector>

namespace nntune {
namespace {

TEST(Bandwidth, APlainReadIsSlowerThanTheCacheAndFasterThanADisk) {
  const std::vector<std::byte> weights(16 << 20, std::byte{1});
  for (const int threads : {1, 2, 3}) {
    const double bytes_per_second = measure_read_bandwidth(weights, threads, 2);
    EXPECT_GT(bytes_per_second, 0.2e9) << threads;
    EXPECT_LT(bytes_per_second, 3e12) << threads;
  }
}

// Any start and length: nothing outside the span is read (the sanitizers do not see assembly, the page after would fault).
TEST(Bandwidth, OddSpansAreReadAsFarAsWholeStepsGo) {
  const std::vector<std::byte> weights(100'000, std::byte{1});
  const std::span<const std::byte> all(weights);
  EXPECT_GT(measure_read_bandwidth(all.subspan(3), 1, 1), 0);
  EXPECT_GT(measure_read_bandwidth(all.subspan(1, 1'700), 2, 1), 0);
  EXPECT_GT(measure_read_bandwidth(all.subspan(64, 700), 4, 1), 0);  // fewer steps than threads
  EXPECT_EQ(measure_read_bandwidth(all.subspan(64, 500), 1, 1), 0);
  EXPECT_EQ(measure_read_bandwidth({}, 1, 1), 0);
}

TEST(Bandwidth, ABarrierOfOneCostsNothingAndOfTwoSomething) {
  EXPECT_EQ(measure_barrier(1), 0);
  EXPECT_GT(measure_barrier(2), 1e-9);
}

}  // namespace
}  // namespace nntune
