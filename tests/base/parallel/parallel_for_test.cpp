#include "base/parallel/parallel_for.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace nntune {
namespace {

TEST(ParallelFor, CallsEachIndexOnceAndWaitsForAll) {
  for (const int threads : {0, 1, 2}) {
    std::vector<int> calls(1000, 0);
    parallel_for(
        calls.size(), [&](std::size_t i) { ++calls[i]; }, threads);
    EXPECT_THAT(calls, testing::Each(1)) << threads;
  }
}

TEST(ParallelFor, OneThreadIsTheCallersAndNoneIsNeededForNothing) {
  const auto caller = std::this_thread::get_id();
  std::atomic<int> elsewhere = 0;
  parallel_for(
      100, [&](std::size_t) { elsewhere += std::this_thread::get_id() == caller ? 0 : 1; }, 1);
  EXPECT_EQ(elsewhere, 0);
  parallel_for(0, [](std::size_t) { FAIL(); });
}

TEST(ParallelFor, ThrowsWhatOneCallThrows) {
  const auto throwing = [](std::size_t i) {
    if (i == 7) throw std::runtime_error("seven");
  };
  EXPECT_THROW(parallel_for(10, throwing), std::runtime_error);
}

}  // namespace
}  // namespace nntune
