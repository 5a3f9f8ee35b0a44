/// What running a program takes, known before anything is compiled.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/target.h"
#include "compiler/extract/cost_model.h"
#include "compiler/extract/explain.h"
#include "compiler/extract/program.h"
#include "compiler/import/config.h"

namespace nntune::module {

/// Exactly what make_module and runtime::Session allocate for it: weights as stored, the KV cache of `ctx` tokens, activations, and
/// the scratch of its kernels with the schedules that `costs` has for them. Code (some MB) and what loading maps beside it are
/// not in it. Errors: those of lower_phases and of a kernel without a schedule.
[[nodiscard]] Expected<extract::MemoryUse> program_memory(const extract::Program& program, const import::ModelConfig& config,
                                                          const extract::CostModel& costs, const Isa& isa, int threads,
                                                          std::int64_t ctx);

}  // namespace nntune::module
