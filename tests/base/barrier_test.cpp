#include "base/barrier.h"

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <functional>
#include <thread>
#include <vector>

namespace nntune {
namespace {

using Seconds = std::chrono::duration<double>;

void run_threads(int threads, const std::function<void(int)>& body) {
  std::vector<std::thread> team;
  for (int i = 1; i < threads; ++i) {
    team.emplace_back(body, i);
  }
  body(0);
  for (std::thread& thread : team) {
    thread.join();
  }
}

class BarrierOf : public ::testing::TestWithParam<int> {};

// The counters are plain integers: a barrier that lets one thread through early shows as a wrong value (and as a race).
TEST_P(BarrierOf, NoThreadLeavesBeforeAllArrived) {
  const int threads = GetParam();
  for (const std::uint64_t spin_ticks : {kSpinTicks, std::uint64_t{0}, std::uint64_t{500}}) {
    Barrier barrier(threads, spin_ticks);
    std::vector<std::int64_t> rounds(static_cast<std::size_t>(threads) * 16, 0);
    std::atomic<int> mistakes{0};
    const int count = threads <= 2 ? 20'000 : 3'000;
    run_threads(threads, [&](int self) {
      for (int round = 1; round <= count; ++round) {
        rounds[static_cast<std::size_t>(self) * 16] = round;
        barrier.arrive_and_wait();
        for (int other = 0; other < threads; ++other) {
          mistakes += rounds[static_cast<std::size_t>(other) * 16] != round;
        }
        barrier.arrive_and_wait();  // nobody writes the next round while others still read
      }
    });
    EXPECT_EQ(mistakes, 0) << "spin ticks " << spin_ticks;
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, BarrierOf, ::testing::Values(1, 2, 3, 4));

double cpu_seconds(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// With a barrier that only spins, a thread that waits for one without a core would spin its whole time slice, milliseconds,
// away. CPU time tells, whatever else runs on this machine.
TEST(Barrier, MoreThreadsThanCoresCostsLittle) {
  const int threads = 2 * static_cast<int>(std::thread::hardware_concurrency());
  Barrier barrier(threads);
  constexpr int kRounds = 200;
  const double cpu_before = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
  const auto start = std::chrono::steady_clock::now();
  run_threads(threads, [&](int) {
    for (int round = 0; round < kRounds; ++round) {
      barrier.arrive_and_wait();
    }
  });
  EXPECT_LT((cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_before) / kRounds / threads, 0.3e-3);
  EXPECT_LT(Seconds(std::chrono::steady_clock::now() - start).count() / kRounds, 20e-3 * threads / 4);
}

TEST(Barrier, WaitsForALateThreadWithoutUsingTheCpu) {
  Barrier barrier(2);
  std::thread late([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    barrier.arrive_and_wait();
  });
  const double before = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
  barrier.arrive_and_wait();
  const double used = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - before;
  late.join();
  EXPECT_LT(used, 0.02);
}

TEST(Epoch, WritesBeforeAdvanceAreSeenAfterTheWait) {
  Epoch posted;
  Epoch done;
  int work = 0;
  int mistakes = 0;
  constexpr int kJobs = 5'000;
  std::thread worker([&] {
    for (int job = 0; job < kJobs; ++job) {
      posted.wait_past(static_cast<std::uint32_t>(job), job % 3 == 0 ? 0 : kSpinTicks);
      mistakes += work != job + 1;
      done.advance();
    }
  });
  for (int job = 0; job < kJobs; ++job) {
    work = job + 1;
    posted.advance();
    done.wait_past(static_cast<std::uint32_t>(job));
  }
  worker.join();
  EXPECT_EQ(mistakes, 0);
}

}  // namespace
}  // namespace nntune
