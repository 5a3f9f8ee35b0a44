/// Timing one kernel inside a worker, with Google Benchmark as the harness.
#pragma once

#include "compiler/runtime/kernel_abi.h"
#include "compiler/runtime/team.h"
#include "tuner/operands.h"
#include "tuner/protocol.h"

namespace nntune::tuner {

/// Times calls by the whole team, a barrier after each as in a running model, going through the copies of the cold operands
/// in turn. `scratch`: for thread t at t * scratch_stride bytes.
[[nodiscard]] Timed time_kernel(const Operands& operands, runtime::KernelFn kernel, std::byte* scratch,
                                std::size_t scratch_stride, runtime::Team& team, const TimingRequest& request);

}  // namespace nntune::tuner
