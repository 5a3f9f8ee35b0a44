/// Timing one kernel inside a worker, with Google Benchmark as the harness.
#pragma once

#include "compiler/runtime/team.h"
#include "tuner/call_clock.h"
#include "tuner/operands.h"
#include "tuner/protocol.h"

namespace nntune::tuner {

/// Times calls by the whole team, a barrier after each as in a running model, going through the copies of the cold operands
/// in turn. Samples during which another process was given a core are dropped and counted, as long as three others remain.
[[nodiscard]] Timed time_kernel(const Operands& operands, const CallableKernel& kernel, runtime::Team& team,
                                const TimingRequest& request);

}  // namespace nntune::tuner
