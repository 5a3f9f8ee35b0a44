/// The program of a model as all commands see it: which phases there are, and the extraction over them.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/target.h"
#include "compiler/extract/cost_model.h"
#include "compiler/extract/extract.h"
#include "compiler/graph/graph.h"
#include "compiler/import/config.h"
#include "compiler/import/phases.h"

namespace nntune::module {

/// Tokens that a prefill step takes at most, smallest first; fewer run in the same program.
inline constexpr std::array<std::int64_t, 2> kPrefillRows = {128, 512};

/// Decode and the prefill steps.
[[nodiscard]] Expected<std::vector<graph::Phase>> model_phases(const import::ModelConfig& config, graph::DType dtype);

/// What programs may take.
struct MemoryLimit {
  /// Of weights in all their layouts, KV cache, activations and scratch together (program_memory.h).
  double bytes = std::numeric_limits<double>::infinity();
  std::int64_t ctx = 4096;  ///< tokens the KV cache has room for
  /// Where not even the smallest program fits: true: an error; false: as without a limit.
  bool hard = true;
};

/// Which programs may be chosen; by default all that the rules give.
struct PlanLimits {
  std::set<std::string> without = {};  ///< rule families (compiler/rules/registry.h) that do not run
  std::set<std::string> allowed = {};  ///< permissions (compiler/rules/permissions.h), by name
  bool pipeline = false;               ///< one family after the other (extract_by_pipeline), not all together
  MemoryLimit memory = {};
};

/// What is wanted beside the program.
struct PlanExtras {
  bool rules = false;                        ///< ExtractOptions::trace_rules
  bool egraph = false;                       ///< ExtractOptions::keep_egraph
  std::chrono::milliseconds proof_limit{0};  ///< ExtractOptions::proof_limit
};

/// The cheapest program for them under `costs`; Explanation::memory is filled.
/// Errors: those of extract_explained; infeasible also where nothing fits the memory, with what the smallest program needs.
[[nodiscard]] Expected<extract::Extraction> plan_model(const import::ModelConfig& config, graph::DType dtype, int threads,
                                                       const Isa& isa, const extract::CostModel& costs,
                                                       const PlanLimits& limits = {}, const PlanExtras& extras = {});

}  // namespace nntune::module
