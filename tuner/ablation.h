/// `nntune search --ablate`: what is a family of rewrite rules worth on this machine?
#pragma once

#include <cstdint>
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

/// The name that stands for leaving out nothing: two searches with all rules, which tells what is luck.
inline constexpr std::string_view kNothing = "nothing";

/// What is left out, by the names of rule families, kPipeline or kNothing. Errors: usage (no such family, with those that there are).
[[nodiscard]] Expected<std::vector<module::PlanLimits>> parse_ablations(const std::vector<std::string>& names);

struct Ablation {
  std::string name;
  Duel::Contrasts times;  ///< seconds without it over seconds with it: above 1 it pays
};

struct AblationReport {
  std::vector<Ablation> ablations = {};
  std::int64_t decode_context = 0;  ///< tokens in the KV cache where decode began
  double other_load_cores = 0;      ///< what other processes took while the programs ran in turn
  bool interrupted = false;
};

/// Searches with all rules and then once for each of `names` without it, with the budget of `options` each; at the end each of these
/// programs runs in turn with the full one. No search sees what the others measured, and each program is what its own search made of
/// the database as it was before. All measurements stay in the database. Interrupted: as `search`.
[[nodiscard]] Expected<AblationReport> ablate(const std::shared_ptr<const import::Model>& model, const Target& target,
                                              const std::shared_ptr<db::Database>& database, const SearchOptions& options,
                                              const std::vector<std::string>& names, Progress& progress);

}  // namespace nntune::tuner
