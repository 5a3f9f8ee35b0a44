#include "compiler/runtime/team.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <vector>

#include "base/target.h"

namespace nntune::runtime {
namespace {

TEST(Team, EveryThreadWorksOnceARun) {
  for (const int threads : {1, 2, 3, 8}) {
    Team team(threads);
    EXPECT_EQ(team.threads(), threads);
    std::vector<int> calls(static_cast<std::size_t>(threads), 0);
    for (int run = 0; run < 200; ++run) {
      team.run([&](int thread) { ++calls[static_cast<std::size_t>(thread)]; });
      for (const int count : calls) ASSERT_EQ(count, run + 1);
    }
  }
}

TEST(Team, WorkOfAllThreadsIsSeenAfterTheBarrier) {
  for (const int threads : {2, 4}) {
    Team team(threads);
    std::vector<int> value(static_cast<std::size_t>(threads), 0);
    std::atomic<int> wrong = 0;
    team.run([&](int thread) {
      for (int round = 1; round <= 300; ++round) {
        value[static_cast<std::size_t>(thread)] = round;
        team.barrier().arrive_and_wait();
        for (const int seen : value) wrong += seen == round ? 0 : 1;
        team.barrier().arrive_and_wait();
      }
    });
    EXPECT_EQ(wrong.load(), 0);
  }
}

TEST(Team, TheCallerKeepsItsCpus) {
  cpu_set_t before;
  ASSERT_EQ(::pthread_getaffinity_np(::pthread_self(), sizeof(before), &before), 0);
  Team team(1);
  int cpus_while_running = 0;
  team.run([&](int) {
    cpu_set_t now;
    ::pthread_getaffinity_np(::pthread_self(), sizeof(now), &now);
    cpus_while_running = CPU_COUNT(&now);
  });
  EXPECT_EQ(cpus_while_running, 1);
  cpu_set_t after;
  ASSERT_EQ(::pthread_getaffinity_np(::pthread_self(), sizeof(after), &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST(Team, MembersArePinnedToDifferentCpus) {
  const int cpus = static_cast<int>(allowed_cpus().size());
  if (cpus < 2) GTEST_SKIP() << "one CPU";
  Team team(2);
  cpu_set_t sets[2];
  team.run([&](int thread) { ::pthread_getaffinity_np(::pthread_self(), sizeof(cpu_set_t), &sets[thread]); });
  EXPECT_EQ(CPU_COUNT(&sets[0]), 1);
  EXPECT_EQ(CPU_COUNT(&sets[1]), 1);
  EXPECT_FALSE(CPU_EQUAL(&sets[0], &sets[1]));
}

TEST(Team, EndsWithoutHavingRun) {
  for (int i = 0; i < 50; ++i) Team team(4);
}

}  // namespace
}  // namespace nntune::runtime
