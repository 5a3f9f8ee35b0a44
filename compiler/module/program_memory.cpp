#include "compiler/module/program_memory.h"

#include <algorithm>

#include "compiler/kernels/family.h"
#include "compiler/module/lower.h"
#include "compiler/module/pack.h"
#include "compiler/runtime/session_memory.h"

namespace nntune::module {
namespace {

Expected<std::int64_t> scratch_bytes(const schedule::Workload& workload, const extract::CostModel& costs, const Isa& isa) {
  NNTUNE_ASSIGN(const schedule::Schedule schedule, costs.schedule(workload));
  NNTUNE_ASSIGN(const kernels::Family* family, kernels::find_family(workload));
  NNTUNE_ASSIGN(const loopir::Function function, family->build(workload, schedule, isa));
  return function.scratch_bytes();
}

}  // namespace

Expected<extract::MemoryUse> program_memory(const extract::Program& program, const import::ModelConfig& config,
                                            const extract::CostModel& costs, const Isa& isa, int threads, std::int64_t ctx) {
  NNTUNE_ASSIGN(runtime::Plan plan, lower_phases(program, config));
  const auto workloads = distinct_workloads(program);
  for (std::size_t i = 0; i < workloads.size(); ++i) {
    NNTUNE_ASSIGN(plan.kernels[i].scratch_bytes, scratch_bytes(workloads[i], costs, isa));
  }
  const runtime::SessionMemory session = runtime::session_memory(plan, ctx);
  return extract::MemoryUse{.weights_bytes = static_cast<std::int64_t>(lay_out_weights(program.weights).bytes),
                            .kv_cache_bytes = static_cast<std::int64_t>(session.states_bytes),
                            .activation_bytes = static_cast<std::int64_t>(session.activation_bytes()),
                            .scratch_bytes = static_cast<std::int64_t>(session.scratch_bytes) * threads,
                            .ctx = ctx};
}

}  // namespace nntune::module
