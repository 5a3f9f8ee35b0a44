/// Threads that wait for each other: spin briefly, because the others are usually a microsecond away, then sleep, because on
/// a busy machine the thread waited for may need this very core to get there.
#pragma once

#include <atomic>
#include <cstdint>

namespace nntune {

/// Destructive interference size; two lines, because the adjacent-line prefetcher moves lines in pairs.
inline constexpr int kCacheLinePairBytes = 128;

/// How long a waiter spins before it sleeps, in ticks of the time stamp counter: 25-50 us at 2-4 GHz. About what one sleep
/// and wake-up costs, so that a wait never costs more than twice the better of the two choices.
inline constexpr std::uint64_t kSpinTicks = 100'000;

/// A counter that only goes up and can be waited for: the spin-then-sleep of this file, alone. One thread posts work with
/// advance(), others wait until the value they have seen is past. Writes before advance() are seen after the wait.
class alignas(kCacheLinePairBytes) Epoch {
 public:
  [[nodiscard]] std::uint32_t value() const { return value_.load(std::memory_order_acquire); }

  /// Adds one and wakes every waiter. A system call only if some thread sleeps.
  void advance();

  /// Returns when value() != seen; true if it had to sleep. `spin_ticks` 0 sleeps at once.
  bool wait_past(std::uint32_t seen, std::uint64_t spin_ticks = kSpinTicks);

 private:
  std::atomic<std::uint32_t> value_{0};
  std::atomic<std::uint32_t> sleepers_{0};
};

/// A barrier for a fixed number of threads, reusable at once: the last to arrive lets all go. Everything written before
/// arrive_and_wait() by any thread is visible after it to all. Under 1 us for threads on quiet cores. Destroy it only after
/// every thread has returned.
class Barrier {
 public:
  /// \param threads  how many arrive each round, >= 1
  /// \param spin_ticks  give 0 when there are more threads than cores: then the spinner holds the core the others need
  explicit Barrier(int threads, std::uint64_t spin_ticks = kSpinTicks);
  Barrier(const Barrier&) = delete;
  Barrier& operator=(const Barrier&) = delete;

  void arrive_and_wait();
  /// How often a thread has slept here so far.
  [[nodiscard]] std::uint64_t sleeps() const { return sleeps_.load(std::memory_order_relaxed); }
  [[nodiscard]] int threads() const { return static_cast<int>(threads_); }

 private:
  // Arrivals and the awaited word live apart: an arriving thread does not disturb the spinning ones.
  alignas(kCacheLinePairBytes) std::atomic<std::uint32_t> arrived_{0};
  Epoch epoch_;
  std::atomic<std::uint64_t> sleeps_{0};  ///< written by those who have time
  const std::uint32_t threads_;
  const std::uint64_t spin_ticks_;
};

}  // namespace nntune
