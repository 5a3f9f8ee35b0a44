/// A lock that is handed over in the order in which it was asked for.
#pragma once

#include <atomic>
#include <cstdint>

namespace nntune::runtime {

/// std::mutex lets the thread that has just unlocked it lock again before a sleeper is awake: of two threads that decode in a
/// loop one would run for a whole time slice of the system while the other waits. With a ticket lock they alternate.
class Turns {
 public:
  void lock() {
    const std::uint32_t mine = next_.fetch_add(1, std::memory_order_relaxed);
    for (std::uint32_t now = serving_.load(std::memory_order_acquire); now != mine;
         now = serving_.load(std::memory_order_acquire)) {
      serving_.wait(now, std::memory_order_acquire);
    }
  }
  void unlock() {
    serving_.fetch_add(1, std::memory_order_release);
    serving_.notify_all();
  }

 private:
  std::atomic<std::uint32_t> next_{0};
  std::atomic<std::uint32_t> serving_{0};
};

}  // namespace nntune::runtime
