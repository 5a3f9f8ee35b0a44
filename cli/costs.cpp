#include "cli/costs.h"

#include "cost_model/estimate_cost.h"
#include "db/query.h"

namespace nntune::cli {

Expected<Costs> open_costs(const std::optional<std::filesystem::path>& db) {
  std::filesystem::path path;
  if (db) {
    path = *db;
  } else {
    NNTUNE_ASSIGN(path, db::default_path());
  }
  Costs costs;
  NNTUNE_ASSIGN(auto database, db::Database::open(path, db::Mode::read_only));
  costs.database = std::make_unique<db::Database>(std::move(database));
  NNTUNE_ASSIGN(costs.target, probe_target());
  NNTUNE_ASSIGN(const auto stored, db::find_target(*costs.database, costs.target));
  if (stored) {
    costs.target = stored->latest;
    costs.target_stored = true;
  }
  costs.model = std::make_unique<cost_model::EstimateCostModel>(costs.target);
  return costs;
}

}  // namespace nntune::cli
