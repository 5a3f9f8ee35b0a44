#include "base/barrier.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>
#include <cassert>
#include <climits>

namespace nntune {
namespace {

// std::atomic::wait of libstdc++ 12 has its own spinning (with sched_yield) and a table of waiters shared by addresses that
// collide; the plain futex has neither.
static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void futex_wake_all(const std::atomic<std::uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace

void Epoch::advance() {
  // Both sequentially consistent, as is the sleeper's increment: either this thread sees the sleeper and wakes it, or the
  // sleeper's futex call sees the new value and returns at once.
  value_.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) != 0) {
    futex_wake_all(value_);
  }
}

bool Epoch::wait_past(std::uint32_t seen, std::uint64_t spin_ticks) {
  if (spin_ticks != 0) {
    const std::uint64_t start = __rdtsc();
    do {
      for (int i = 0; i < 8; ++i) {
        if (value() != seen) {
          return false;
        }
        _mm_pause();
      }
    } while (__rdtsc() - start < spin_ticks);
  }
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  while (value_.load(std::memory_order_seq_cst) == seen) {
    futex_wait(value_, seen);  // returns early on a signal or a changed value: the loop asks again
  }
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

Barrier::Barrier(int threads, std::uint64_t spin_ticks)
    : threads_(static_cast<std::uint32_t>(threads)), spin_ticks_(spin_ticks) {
  assert(threads >= 1);
}

void Barrier::arrive_and_wait() {
  if (threads_ == 1) {
    return;
  }
  // Read before arriving: the round cannot end without this thread, so the value is that of this round.
  const std::uint32_t round = epoch_.value();
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
    arrived_.store(0, std::memory_order_relaxed);  // ordered before the next round's arrivals by advance()
    epoch_.advance();
  } else {
    if (epoch_.wait_past(round, spin_ticks_)) sleeps_.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace nntune
