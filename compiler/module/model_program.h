/// The program of a model as all commands see it: which phases there are, and the extraction over them.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/target.h"
#include "compiler/extract/cost_model.h"
#include "compiler/extract/extract.h"
#include "compiler/graph/graph.h"
#include "compiler/import/config.h"
#include "compiler/import/qwen3.h"

namespace nntune::module {

/// Tokens that a prefill step takes at most, smallest first; fewer run in the same program.
inline constexpr std::array<std::int64_t, 2> kPrefillRows = {128, 512};

/// The layout of the KV caches that makes attention and the appending to the caches cheapest over all phases.
[[nodiscard]] Expected<import::CacheLayout> choose_cache_layout(const import::ModelConfig& config, graph::DType dtype,
                                                                int threads, const extract::CostModel& costs);

/// Decode and the prefill steps.
[[nodiscard]] Expected<std::vector<graph::Phase>> model_phases(const import::ModelConfig& config, graph::DType dtype,
                                                               const import::CacheLayout& caches);

/// Which programs may be chosen; by default all that the rules give.
struct PlanLimits {
  std::set<std::string> without = {};  ///< rule families (compiler/rules/registry.h) that do not run
  bool pipeline = false;               ///< one family after the other (extract_by_pipeline), not all together
};

/// The cheapest program for them under `costs`.
/// \param keep_egraph  ExtractOptions::keep_egraph
/// Errors: those of extract_explained.
[[nodiscard]] Expected<extract::Extraction> plan_model(const import::ModelConfig& config, graph::DType dtype, int threads,
                                                       const Isa& isa, const extract::CostModel& costs,
                                                       const PlanLimits& limits = {}, bool keep_egraph = false);

}  // namespace nntune::module
