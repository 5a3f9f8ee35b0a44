/// A duel of kernels inside a worker: prepared candidates of one workload take turns on the same operands.
///
/// Between all samples a calibration runs that does the same work each time: for one thread a loop in registers, which takes
/// longer when the core was taken away or its clock changed; for several the team's barrier, whose cost follows the latency
/// between the cores, and that tells in which mode the memory is. A round during which it changed is dropped and counted, and
/// so is one during which the system gave a core to another process.
#pragma once

#include <span>

#include "compiler/runtime/team.h"
#include "tuner/call_clock.h"
#include "tuner/operands.h"
#include "tuner/protocol.h"

namespace nntune::tuner {

/// Ends at a look (DuelRequest) at which every later candidate is clear (statistics.h) against the first, or at one of the
/// limits. `kernels`: at least one.
[[nodiscard]] DuelResult duel_kernels(const Operands& operands, std::span<const CallableKernel> kernels, runtime::Team& team,
                                      const DuelRequest& request);

/// The order of turns in a round: all, then all backwards; who begins changes from round to round. 2 candidates: A B B A, then
/// B A A B.
[[nodiscard]] std::vector<std::size_t> turns_of(std::size_t candidates, std::size_t round);

}  // namespace nntune::tuner
