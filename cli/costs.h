/// What the commands that must not measure know of this CPU: the stored target and the database's costs.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/target.h"
#include "cost_model/database_cost.h"
#include "db/database.h"

namespace nntune::cli {

struct Costs {
  Target target;  ///< as measured and stored, else probed with default peaks
  bool target_stored = false;
  std::unique_ptr<db::Database> database;
  /// The best measured, else estimates. Check model->status() after use: a database that could not be read counts as empty.
  std::unique_ptr<cost_model::DatabaseCostModel> model;
};

/// Reads the database (open_for_reading) and probes the CPU; measures nothing.
/// \param isa  Isa::limited_to
[[nodiscard]] Expected<Costs> open_costs(const std::optional<std::filesystem::path>& db, std::string_view isa);

}  // namespace nntune::cli
