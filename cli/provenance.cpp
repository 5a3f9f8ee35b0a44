#include "cli/provenance.h"

#include <fmt/format.h>

#include <cmath>

#include "base/duration.h"
#include "base/json.h"
#include "base/other_load.h"
#include "cli/caveats.h"
#include "cli/wrap.h"
#include "db/query.h"

namespace nntune::cli {
namespace {

/// "1.23 G", "45.6 M": three digits.
std::string scaled(double value) {
  const char* const units[] = {"", "k", "M", "G", "T"};
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < std::size(units); ++unit) value /= 1e3;
  return fmt::format("{:.{}f} {}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, units[unit]);
}

std::string interval_text(const Interval& ns) {
  return fmt::format("{} .. {}", format_seconds(ns.low * 1e-9), format_seconds(ns.high * 1e-9));
}

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

}  // namespace

Expected<Sessions> read_sessions(const db::Database& database) {
  NNTUNE_ASSIGN(std::vector<db::Session> all, db::sessions(database));
  Sessions result;
  for (db::Session& session : all) result.emplace(session.id, std::move(session));
  return result;
}

Provenance provenance_of(const schedule::Workload& workload, const Costs& costs, const Sessions& sessions) {
  Provenance result;
  result.measurement = costs.model->measurement(workload);
  const bool in_program = result.measurement && result.measurement->place == db::Place::program;
  result.program_factor = in_program ? 1 : costs.model->program_factor(workload);
  result.drift = costs.model->drift(workload);
  if (result.measurement) {
    result.interval_ns = median_interval(result.measurement->samples_ns);
    const auto session = result.measurement->session_id ? sessions.find(*result.measurement->session_id) : sessions.end();
    if (session != sessions.end()) result.session = session->second;
  }
  const extract::Cost estimate = costs.model->estimates().cost(workload);
  result.estimate_seconds = estimate.seconds;
  result.relative_error = estimate.relative_error;
  result.correction = costs.model->correction(workload);
  result.peaks_measured = costs.target.measured;
  result.cores = costs.target.cores;
  if (result.measurement) result.other_load_cores = other_load_of(*result.measurement);
  if (const auto family = kernels::find_family(workload)) {
    // What a slow moment of the memory did to the time it does to the bound, too.
    const Target then =
        result.measurement ? costs.target.with_memory_at(result.measurement->dram_read_bytes_per_s) : costs.target;
    result.roofline = kernels::roofline((*family)->work(workload, then.isa), then, workload.threads);
    const double seconds = result.measurement ? result.measurement->median_ns * 1e-9 * result.program_factor
                                              : costs.model->cost(workload).seconds;
    const double share = result.roofline.seconds / seconds;
    if (std::isfinite(share) && share > 0) result.roofline_share = share;
  }
  if (const auto schedule = costs.model->schedule(workload)) result.schedule = schedule->text();
  return result;
}

std::string text(const kernels::Roofline& roofline) {
  const bool bytes = roofline.unit == "DRAM" || roofline.unit == "L2";
  return fmt::format("{}{} at {}{} of {}", scaled(roofline.amount), bytes ? "B" : "MAC", scaled(roofline.peak),
                     bytes ? "B/s" : "MAC/s", roofline.unit);
}

std::string text(const Provenance& p) {
  const std::string in_program = p.program_factor == 1 ? "" : fmt::format(", x {:.2f} in a program", p.program_factor);
  if (p.measurement) {
    const db::Measurement& m = *p.measurement;
    const std::string drift = p.drift == 1 ? "" : fmt::format(", x {:.2f} at the machine's usual speed", p.drift);
    std::string out = fmt::format("measured in a {} {} UTC, {} sample{}, 95 % {}{}{}; row {}", db::to_string(m.place),
                                  minute_of(m.created_at), m.samples_ns.size(), m.samples_ns.size() == 1 ? "" : "s",
                                  interval_text(p.interval_ns), drift, in_program, m.id);
    if (p.session) out += fmt::format(", {} session {}", p.session->command, p.session->id);
    if (p.other_load_cores.value_or(0) >= kToldLoadCores) {
      out += fmt::format(", while {}", other_load_text(*p.other_load_cores, p.cores));
    }
    return out + fmt::format(", nntune {}", m.nntune_version);
  }
  std::string out = fmt::format("estimated from {} peaks: {}", p.peaks_measured ? "measured" : "default",
                                format_seconds(p.estimate_seconds));
  if (p.correction != 1) out += fmt::format(", x {:.2f} as its kind measured", p.correction);
  return out + fmt::format("{}; may be off by {:.0f} %", in_program, 100 * p.relative_error);
}

Json to_json(const Provenance& p) {
  Json json = {{"text", text(p)}, {"drift", p.drift}, {"program_factor", p.program_factor}};
  if (p.measurement) {
    const db::Measurement& m = *p.measurement;
    json["measurement"] = {{"id", m.id},
                           {"uid", m.uid},
                           {"place", db::to_string(m.place)},
                           {"created_at", m.created_at},
                           {"median_ns", number(m.median_ns)},
                           {"interval_ns", {number(p.interval_ns.low), number(p.interval_ns.high)}},
                           {"samples", m.samples_ns.size()},
                           {"nntune_version", m.nntune_version},
                           {"compiler", m.compiler},
                           {"other_load_cores", p.other_load_cores ? Json(*p.other_load_cores) : Json()},
                           {"read_bytes_per_second", number(m.dram_read_bytes_per_s)},
                           {"object_hash", m.object_hash ? Json(m.object_hash->hex()) : Json()}};
    if (p.session) {
      json["session"] = {{"id", p.session->id},
                         {"command", p.session->command},
                         {"arguments", p.session->arguments},
                         {"model", p.session->model},
                         {"started_at", p.session->started_at}};
    }
  } else {
    json["estimate"] = {{"seconds", number(p.estimate_seconds)},
                        {"correction", p.correction},
                        {"relative_error", p.relative_error},
                        {"peaks", p.peaks_measured ? "measured" : "default"}};
  }
  if (!p.roofline.unit.empty()) {
    json["roofline"] = {{"text", text(p.roofline)},
                        {"seconds", number(p.roofline.seconds)},
                        {"unit", p.roofline.unit},
                        {"amount", p.roofline.amount},
                        {"peak_per_second", p.roofline.peak}};
  }
  return json;
}

}  // namespace nntune::cli
