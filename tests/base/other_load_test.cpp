#include "base/other_load.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "base/clock.h"

namespace nntune {
namespace {

const char* const kStat =
    "cpu  300 40 60 8000 10 12 14 160 0 0\n"
    "cpu0 100 20 30 4000 5 6 7 80 0 0\n"
    "cpu1 200 20 30 4000 5 6 7 80 0 0\n"
    "cpu10 1 0 0 0 0 0 0 2 0 0\n"
    "intr 1 2 3 4 5 6 7 8 9\n";

double ticks(double count) { return count / static_cast<double>(sysconf(_SC_CLK_TCK)); }

TEST(OtherLoad, ReadsTheTimesOfAllCpusAndOfSome) {
  const CpuTimes all = parse_cpu_times(kStat);
  EXPECT_DOUBLE_EQ(all.stolen_seconds, ticks(160));
  EXPECT_DOUBLE_EQ(all.busy_seconds, ticks(300 + 40 + 60 + 12 + 14));
  const std::array one = {1};
  EXPECT_DOUBLE_EQ(parse_cpu_times(kStat, one).busy_seconds, ticks(200 + 20 + 30 + 6 + 7)) << "not of CPU 10";
  const std::array some = {0, 10};
  EXPECT_DOUBLE_EQ(parse_cpu_times(kStat, some).stolen_seconds, ticks(80 + 2));
  EXPECT_EQ(parse_cpu_times("").stolen_seconds, 0);
  EXPECT_EQ(parse_cpu_times("intr 1 2 3 4 5 6 7 8 9").busy_seconds, 0);
}

TEST(OtherLoad, ReadsTheTimeOfAProcessWhateverItIsCalled) {
  EXPECT_DOUBLE_EQ(parse_process_seconds("42 (a) b (1 2) S 1 2 3 0 -1 4194304 100 0 0 0 700 80 9 1 20 0 1 0 5 6 7"),
                   ticks(700 + 80 + 9 + 1));
  EXPECT_EQ(parse_process_seconds(""), 0);
  EXPECT_EQ(parse_process_seconds("42 (gone)"), 0);
}

/// Computes until it is killed.
pid_t start_spinning() {
  const pid_t child = fork();
  if (child == 0) {
    for (volatile bool on = true; on;) {
    }
  }
  return child;
}

void end(pid_t child) {
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

double seconds_of(pid_t child) {
  std::ifstream file("/proc/" + std::to_string(child) + "/stat");
  return parse_process_seconds({std::istreambuf_iterator<char>(file), {}});
}

TEST(OtherLoad, WhatAChildTakesIsOursOnceItIsNamedOrReaped) {
  const pid_t child = start_spinning();
  ASSERT_GT(child, 0);
  const std::array children = {child};
  const Clock::time_point begin = Clock::now();
  const OtherLoad knows(children);
  const OtherLoad knows_not;
  constexpr double kTaken = 0.4;  // many ticks, however busy this machine is
  while (seconds_of(child) < kTaken && seconds_since(begin) < 60) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  // Of two readings in a row one counts it and one does not: whatever else runs here is in both.
  const double with = knows_not.cores();
  const double without = knows.cores(children);
  const double share = kTaken / seconds_since(begin);
  end(child);
  EXPECT_GT(with, 0.7 * share);
  EXPECT_LT(without, with - 0.7 * share);
  EXPECT_LT(knows.cores(), with - 0.5 * share) << "reaped";
}

TEST(OtherLoad, IsToldInOneSentence) {
  EXPECT_EQ(other_load_text(0.93, 2), "other processes took 0.9 of 2 cores");
  EXPECT_EQ(other_load_text(1, 1), "other processes took 1.0 of 1 core");
}

}  // namespace
}  // namespace nntune
