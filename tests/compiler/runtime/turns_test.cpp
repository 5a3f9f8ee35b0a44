#include "compiler/runtime/turns.h"

#include <gtest/gtest.h>

#include <barrier>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

namespace nntune::runtime {
namespace {

TEST(Turns, OneHoldsItAtATime) {
  Turns turns;
  int count = 0;  // no atomic: the lock is what keeps it right
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 5000; ++turn) {
        const std::lock_guard lock(turns);
        ++count;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(count, 4 * 5000);
}

TEST(Turns, ThoseWhoAskAlternate) {
  // Both want it all the time, as two that decode in a loop do. With a std::mutex there are some ten changes in 400 turns.
  constexpr int kTurns = 400;
  Turns turns;
  std::barrier start(2);
  int taken = 0, changes = 0, last = 0;
  {
    std::vector<std::jthread> threads;
    for (const int me : {0, 1}) {
      threads.emplace_back([&, me] {
        start.arrive_and_wait();
        for (bool more = true; more;) {
          const std::lock_guard lock(turns);
          more = ++taken < kTurns;
          changes += last != me ? 1 : 0;
          last = me;
          const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(100);
          while (std::chrono::steady_clock::now() < end) {
          }
        }
      });
    }
  }
  EXPECT_GT(changes, kTurns / 4);
}

}  // namespace
}  // namespace nntune::runtime
