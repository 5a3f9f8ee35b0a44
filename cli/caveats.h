/// What users must know of figures beside them, one sentence each.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "compiler/egraph/runner.h"
#include "compiler/extract/program.h"
#include "cost_model/database_cost.h"
#include "db/records.h"

namespace nntune::cli {

/// "rules stopped by the node limit (50001): programs beyond it were not looked at"; "" if nothing kept them from going on.
[[nodiscard]] std::string cut_off_line(const egraph::RunReport& saturation);

/// What other processes took while a row was measured, in cores; nothing where that was not noted.
[[nodiscard]] std::optional<double> other_load_of(const db::Measurement& measurement);

/// The kernels of a program whose rows were measured beside others (kToldLoadCores).
struct BusyRows {
  std::size_t kernels = 0;   ///< different ones
  std::size_t measured = 0;  ///< those with a row
  std::size_t busy = 0;      ///< those measured beside others
  double cores = 0;          ///< that others took of these on average
};
[[nodiscard]] BusyRows busy_rows(const extract::Program& program, const cost_model::DatabaseCostModel& costs);

/// "other processes took 0.9 of 2 cores while 12 of 34 measured kernels were timed"; "" if there are none such.
[[nodiscard]] std::string busy_line(const BusyRows& rows, int cores);

}  // namespace nntune::cli
