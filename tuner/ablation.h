/// `nntune search --ablate`: what is a family of rewrite rules worth on this machine?
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/target.h"
#include "compiler/import/model.h"
#include "db/database.h"
#include "tuner/end_to_end.h"
#include "tuner/progress.h"
#include "tuner/search.h"

namespace nntune::tuner {

/// The name that stands for extract::extract_by_pipeline instead of a family.
inline constexpr std::string_view kPipeline = "pipeline";

/// What is left out, by the names of rule families, or kPipeline. Errors: usage (no such family, with those that there are).
[[nodiscard]] Expected<std::vector<module::PlanLimits>> parse_ablations(const std::vector<std::string>& names);

struct Ablation {
  std::string name;
  Duel::Contrasts times;  ///< seconds without it over seconds with it: above 1 it pays
};

struct AblationReport {
  std::vector<Ablation> ablations;
  bool interrupted = false;
};

/// Searches with all rules and then once for each of `names` without it, with the budget of `options` each; at the end each of these
/// programs runs in turn with the full one. Each program is what the database made when its search was over. All share the database, so
/// that a later search starts from what an earlier one measured: the full one, which is first, has the least to go by. Interrupted: as
/// `search`.
[[nodiscard]] Expected<AblationReport> ablate(std::shared_ptr<const import::Model> model, const Target& target,
                                              std::shared_ptr<db::Database> database, const SearchOptions& options,
                                              const std::vector<std::string>& names, Progress& progress);

}  // namespace nntune::tuner
