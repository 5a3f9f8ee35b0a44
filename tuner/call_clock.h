/// Times calls of kernels by a whole team, as a running model makes them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "compiler/runtime/kernel_abi.h"
#include "compiler/runtime/team.h"
#include "tuner/operands.h"

namespace nntune::tuner {

/// A loaded kernel with the memory it works in.
struct CallableKernel {
  runtime::KernelFn function = nullptr;
  std::byte* scratch = nullptr;  ///< for thread t at t * scratch_stride bytes
  std::size_t scratch_stride = 0;
};

/// How often the system took the core from the calling thread so far; waiting for others does not count.
[[nodiscard]] long preemptions();

class CallClock {
 public:
  CallClock(const Operands& operands, runtime::Team& team) : operands_(operands), team_(team) {}

  struct Sample {
    double seconds = 0;      ///< of a call
    bool preempted = false;  ///< another process was given the core of one of the threads meanwhile
  };

  /// Makes `calls` calls, a barrier after each, going through the copies of the cold operands in turn; `untimed` more before.
  /// Of several kernels each goes on with the copy where the one before ended, so that nobody finds it warm.
  [[nodiscard]] Sample run(const CallableKernel& kernel, std::int64_t calls, std::int64_t untimed = 0);

  /// Lets the next call skip a copy: what takes turns in equal numbers of calls would always meet the same copies.
  void skip_copy() { next_copy_ = (next_copy_ + 1) % operands_.copies(); }

 private:
  const Operands& operands_;
  runtime::Team& team_;
  std::size_t next_copy_ = 0;
};

}  // namespace nntune::tuner
