#include "cli/caveats.h"

#include <fmt/format.h>

#include <set>

#include "base/json.h"
#include "base/other_load.h"

namespace nntune::cli {

std::string cut_off_line(const egraph::RunReport& saturation) {
  if (saturation.stop.kind == egraph::StopReason::Kind::saturated || saturation.iterations.empty()) return "";
  return fmt::format("rules stopped by the {}: programs beyond it were not looked at", saturation.stop.text());
}

std::optional<double> other_load_of(const db::Measurement& measurement) {
  if (measurement.environment.empty()) return std::nullopt;
  const auto environment = parse_json(measurement.environment, "environment");
  if (!environment || !environment->is_object()) return std::nullopt;
  const auto load = environment->find("other_load_cores");
  return load != environment->end() && load->is_number() ? std::optional(load->get<double>()) : std::nullopt;
}

BusyRows busy_rows(const extract::Program& program, const cost_model::DatabaseCostModel& costs) {
  BusyRows rows;
  std::set<std::string> seen;
  for (const extract::PhaseProgram& phase : program.phases) {
    for (const extract::SectionProgram& section : phase.sections) {
      for (const extract::KernelStep& step : section.steps) {
        if (!seen.insert(step.workload.text()).second) continue;
        ++rows.kernels;
        const auto measurement = costs.measurement(step.workload);
        if (!measurement) continue;
        ++rows.measured;
        const double load = other_load_of(*measurement).value_or(0);
        if (load < kToldLoadCores) continue;
        ++rows.busy;
        rows.cores += load;
      }
    }
  }
  if (rows.busy > 0) rows.cores /= static_cast<double>(rows.busy);
  return rows;
}

std::string busy_line(const BusyRows& rows, int cores) {
  if (rows.busy == 0) return "";
  return fmt::format("{} while {} of {} measured kernels were timed", other_load_text(rows.cores, cores), rows.busy,
                     rows.measured);
}

}  // namespace nntune::cli
