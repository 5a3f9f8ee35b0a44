#include "cli/costs.h"

#include "db/query.h"

namespace nntune::cli {

Expected<Costs> open_costs(const std::optional<std::filesystem::path>& db, std::string_view isa) {
  std::filesystem::path path;
  if (db) {
    path = *db;
  } else {
    NNTUNE_ASSIGN(path, db::default_path());
  }
  Costs costs;
  NNTUNE_ASSIGN(auto database, db::Database::open(path, db::Mode::read_only));
  costs.database = std::make_unique<db::Database>(std::move(database));
  NNTUNE_ASSIGN(costs.target, probe_target(isa));
  NNTUNE_ASSIGN(const auto stored, db::find_target(*costs.database, costs.target));
  std::optional<std::int64_t> target_id;
  if (stored) {
    costs.target = stored->latest;
    costs.target_stored = true;
    target_id = stored->id;
  }
  NNTUNE_ASSIGN(costs.model, cost_model::DatabaseCostModel::make(
                                 *costs.database, target_id, std::make_shared<cost_model::EstimateCostModel>(costs.target)));
  return costs;
}

}  // namespace nntune::cli
