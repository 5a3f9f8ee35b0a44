/// From the extracted program to the plan of a module: buffers with sizes, weights with places, kernels by number.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "compiler/extract/program.h"
#include "compiler/import/model.h"
#include "compiler/module/pack.h"
#include "compiler/runtime/plan.h"

namespace nntune::module {

/// The different workloads of a program, in the order of their first step.
[[nodiscard]] std::vector<schedule::Workload> distinct_workloads(const extract::Program& program);

/// Phases and kernels alone: without weights, and without names and token ids of the model. Errors: those of lower().
[[nodiscard]] Expected<runtime::Plan> lower_phases(const extract::Program& program, const import::ModelConfig& config);

/// The plan without its kernels' code: kernels[i] is distinct_workloads(program)[i], named, the rest zero. The runtime's own
/// checks are left to the caller, which completes it.
/// \return internal if the program does not have the shape the runtime executes (phases by rows, a head last, states in
///         whole tiles)
[[nodiscard]] Expected<runtime::Plan> lower(const extract::Program& program, const import::Model& model, graph::DType dtype,
                                            const WeightLayout& layout);

}  // namespace nntune::module
