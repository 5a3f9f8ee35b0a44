#include "cli/costs.h"

#include "cli/database.h"
#include "db/query.h"

namespace nntune::cli {

Expected<Costs> open_costs(const std::optional<std::filesystem::path>& db, std::string_view isa) {
  Costs costs;
  NNTUNE_ASSIGN(auto database, open_for_reading(db));
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
