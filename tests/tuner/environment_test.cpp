#include "tuner/environment.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace nntune::tuner {
namespace {

TEST(Environment, ReadsTheTimesOfAllCpus) {
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const CpuTimes times = parse_cpu_times("cpu  100 20 30 4000 5 6 7 80 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n");
  EXPECT_DOUBLE_EQ(times.stolen_seconds * ticks, 80);
  EXPECT_DOUBLE_EQ(times.busy_seconds * ticks, 100 + 20 + 30 + 6 + 7);
  EXPECT_EQ(parse_cpu_times("").stolen_seconds, 0);
  EXPECT_EQ(parse_cpu_times("intr 1 2 3 4 5 6 7 8 9").busy_seconds, 0);
}

TEST(Environment, TellsWhatHappenedSince) {
  const EnvironmentWatch watch;
  const Json json = watch.so_far();
  EXPECT_GE(json.at("seconds").get<double>(), 0);
  EXPECT_GE(json.at("steal_seconds").get<double>(), 0);
  EXPECT_GE(json.at("load_average").get<double>(), 0);
}

}  // namespace
}  // namespace nntune::tuner
