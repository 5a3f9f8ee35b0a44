#include "base/cpus.h"

#include "base/isa_probe.h"
#include "base/target.h"

#include <gtest/gtest.h>

#include <sched.h>
#include <algorithm>
#include <atomic>

namespace nntune {
namespace {

TEST(AllowedCpus, FollowTheAffinityOfTheProcess) {
  const std::vector<int> all = allowed_cpus();
  ASSERT_FALSE(all.empty());
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  // As under taskset: a child bound to the last CPU sees exactly that one.
  EXPECT_TRUE(survives_in_child([] {
    static int last = 0;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
      return false;
    }
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      last = CPU_ISSET(cpu, &set) ? cpu : last;
    }
    return pin_current_thread(last) && allowed_cpus() == std::vector<int>{last};
  }));
}

TEST(AllowedCpus, StayTheSameWhenATeamPinsTheCaller) {
  EXPECT_TRUE(survives_in_child([] {
    const std::vector<int> before = allowed_cpus();
    return pin_current_thread(before.front()) && allowed_cpus() == before;
  }));
}

TEST(AllowedCpus, AQuotaIsRoundedUp) {
  const std::vector<int> cpus = {1, 3, 5, 7};
  EXPECT_EQ(cut_to_quota(cpus, std::nullopt), cpus);
  EXPECT_EQ(cut_to_quota(cpus, 0.1), (std::vector<int>{1}));
  EXPECT_EQ(cut_to_quota(cpus, 1.0), (std::vector<int>{1}));
  EXPECT_EQ(cut_to_quota(cpus, 1.5), (std::vector<int>{1, 3}));
  EXPECT_EQ(cut_to_quota(cpus, 4.0), cpus);
  EXPECT_EQ(cut_to_quota(cpus, 64.0), cpus);
}

TEST(RunPinned, RunsEachIndexOnItsCpuAndLeavesTheCallerFree) {
  const std::vector<int> cpus = allowed_cpus();
  const int threads = static_cast<int>(cpus.size()) + 1;
  std::vector<std::atomic<int>> ran_on(static_cast<std::size_t>(threads));
  run_pinned(threads, [&](int self) { ran_on[static_cast<std::size_t>(self)] = sched_getcpu(); });
  for (std::size_t i = 0; i < ran_on.size(); ++i) {
    EXPECT_EQ(ran_on[i], cpus[i % cpus.size()]) << i;
  }
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  EXPECT_GE(static_cast<std::size_t>(CPU_COUNT(&set)), cpus.size());
}

}  // namespace
}  // namespace nntune
