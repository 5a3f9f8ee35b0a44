#include "compiler/runtime/team.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/target.h"
#include "compiler/runtime/team_pool.h"

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

TEST(Team, SeveralCallersTakeTurns) {
  for (const int threads : {1, 2, 3}) {
    Team team(threads);
    std::vector<int> calls(static_cast<std::size_t>(threads), 0);
    constexpr int kCallers = 4, kRuns = 200;
    std::vector<std::jthread> callers;
    callers.reserve(kCallers);
    for (int caller = 0; caller < kCallers; ++caller) {
      callers.emplace_back([&] {
        for (int run = 0; run < kRuns; ++run) {
          const std::lock_guard turn(team.turns());
          team.run([&](int thread) { ++calls[static_cast<std::size_t>(thread)]; });
        }
      });
    }
    callers.clear();
    for (const int count : calls) EXPECT_EQ(count, kCallers * kRuns);
  }
}

TEST(Team, OneThatCannotStartAllItsThreadsEnds) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer needs the address space itself";
#endif
  // In a child, which has no address space left for the stacks of so many.
  const auto start_too_many = [] {
    const rlimit limit{rlim_t{4} << 30, rlim_t{4} << 30};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) std::_Exit(2);
    try {
      const Team team(100'000);
    } catch (const std::system_error&) {
      std::_Exit(0);
    }
    std::_Exit(1);
  };
  EXPECT_EXIT(start_too_many(), ::testing::ExitedWithCode(0), "");
}

TEST(TeamPool, GivesTheSameTeamForTheSameNumberOfThreads) {
  TeamPool pool;
  const auto two = pool.team(2);
  EXPECT_EQ(pool.team(2), two);
  EXPECT_NE(pool.team(1), two);
  EXPECT_EQ(pool.team(1)->threads(), 1);
  EXPECT_EQ(two->threads(), 2);
}

}  // namespace
}  // namespace nntune::runtime
