// `nntune why WORKLOAD`: which schedule is used, which came next, and how sure that is.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "base/duration.h"
#include "base/json.h"
#include "base/other_load.h"
#include "base/statistics.h"
#include "cli/caveats.h"
#include "cli/command.h"
#include "cli/costs.h"
#include "cli/options.h"
#include "cli/provenance.h"
#include "cli/workload_name.h"
#include "cli/wrap.h"
#include "compiler/kernels/family.h"
#include "compiler/schedule/short_name.h"
#include "db/query.h"

namespace nntune::cli {
namespace {

void declare(Options& options) {
  declare_db_option(options);
  declare_isa_option(options);
  options.add("workload", "hash or its beginning, canonical text, or a name from `nntune explain`", "WORKLOAD");
  options.flag("json", "print one JSON object");
  options.positional({"workload"});
}

struct Standing {
  db::Measurement measurement;
  Interval interval_ns;
  kernels::Roofline roofline;  ///< with memory as fast as it was beside it; no unit where it is not known
};

struct Answer {
  schedule::Workload workload;
  std::string target;
  int cores = 1;
  std::vector<Standing> standings;  ///< incumbent and runner-up, as far as there are
  std::optional<db::Comparison> comparison;
  std::map<db::Verdict, int> tried;
  double estimate_seconds = 0;  ///< of the default schedule, corrected by what else was measured
};

Expected<Answer> find(const Costs& costs, const schedule::Workload& workload) {
  Answer answer;
  answer.workload = workload;
  answer.target = costs.target.short_name;
  answer.cores = costs.target.cores;
  NNTUNE_ASSIGN(const auto target, db::find_target(*costs.database, costs.target));
  if (target) {
    NNTUNE_ASSIGN(const auto contenders, db::contenders(*costs.database, target->id, workload.hash(), 2));
    for (const db::Measurement& each : contenders) {
      answer.standings.push_back({each, median_interval(each.samples_ns), {}});
      if (const auto family = kernels::find_family(workload)) {
        const Target then = costs.target.with_memory_at(each.dram_read_bytes_per_s);
        answer.standings.back().roofline = kernels::roofline((*family)->work(workload, then.isa), then, workload.threads);
      }
    }
    NNTUNE_ASSIGN(const auto tried, db::tried(*costs.database, target->id, workload.hash()));
    for (const auto& [schedule, what] : tried) ++answer.tried[what.verdict];
  }
  if (answer.standings.size() > 1) {
    answer.comparison = db::compare(answer.standings[0].measurement, answer.standings[1].measurement, db::kTieFraction);
  }
  answer.estimate_seconds = costs.model->estimates().cost(workload).seconds;
  return answer;
}

std::string plural(std::int64_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

/// 1: at the bound. Nothing where there is none.
std::optional<double> roofline_share(const Standing& standing) {
  const double share = standing.roofline.seconds / (standing.measurement.median_ns * 1e-9);
  return std::isfinite(share) && share > 0 ? std::optional(share) : std::nullopt;
}

std::string render(std::string_view name, const Standing& standing, int cores) {
  const db::Measurement& m = standing.measurement;
  const auto time = [](double ns) { return format_seconds(ns * 1e-9); };
  std::string out = fmt::format("{:<9} {:>7}  {:>7} .. {:<7}  {:<8} {:<16} {:>4}  {:>7}\n", name, time(m.median_ns),
                                time(standing.interval_ns.low), time(standing.interval_ns.high), db::to_string(m.place),
                                minute_of(m.created_at), m.samples_ns.size(), m.id);
  out += wrapped(m.schedule, "  ");
  if (const auto share = roofline_share(standing)) {
    out += wrapped(fmt::format("{:.0f} % of the roofline: {}", 100 * *share, text(standing.roofline)), "  ");
  }
  const double load = other_load_of(m).value_or(0);
  if (load >= kToldLoadCores) out += wrapped(fmt::format("{} meanwhile", other_load_text(load, cores)), "  ");
  return out;
}

std::string render(const db::Comparison& comparison) {
  const Contrast& contrast = comparison.contrast;
  const std::string_view verdict = contrast.decision == Decision::slower   ? "the runner-up is slower"
                                   : contrast.decision == Decision::faster ? "the runner-up is faster"
                                                                           : "not told apart";
  return fmt::format("ratio {:.3f} ({:.3f} .. {:.3f}) {}: {}\n", contrast.ratio, contrast.interval.low,
                     contrast.interval.high, comparison.by_pairs ? "by pairs" : "not paired", verdict);
}

std::string render(const Answer& answer) {
  const schedule::Workload& workload = answer.workload;
  std::string out = wrapped(schedule::short_name(workload), "");
  out += fmt::format("  {}, {}, {}\n", workload.hash().hex(), plural(workload.threads, "thread"), answer.target);
  out += wrapped(workload.text(), "  ");
  out += "\n";
  if (answer.standings.empty()) {
    out += "not measured on this kind of machine";
  } else {
    out += fmt::format("{:<9} {:>7}  {:^18}  {:<8} {:<16} {:>4}  {:>7}\n", "", "median", "95 % interval", "timed in",
                       "at (UTC)", "n", "id");
    out += render("incumbent", answer.standings[0], answer.cores);
    if (answer.standings.size() > 1) out += render("runner-up", answer.standings[1], answer.cores);
    out += "\n";
    out += answer.comparison ? render(*answer.comparison) : "no runner-up\n";
    out += "measured";
  }
  int tried = 0;
  std::string verdicts;
  for (const auto& [verdict, count] : answer.tried) {
    tried += count;
    verdicts += fmt::format("{}{} {}", verdicts.empty() ? "" : ", ", count, db::to_string(verdict));
  }
  out += tried == 0 ? "; none tried in a worker"
                    : fmt::format("; {} tried in a worker: {}", plural(tried, "schedule"), verdicts);
  out += std::isfinite(answer.estimate_seconds)
             ? fmt::format("\nestimate of the default schedule {}\n", format_seconds(answer.estimate_seconds))
             : "\nno estimate: this CPU cannot run it\n";
  return out;
}

Json to_json(const Answer& answer) {
  const auto interval = [](const Interval& i) { return Json::array({i.low, i.high}); };
  Json json = {{"workload", answer.workload.text()},
               {"hash", answer.workload.hash().hex()},
               {"name", schedule::short_name(answer.workload)},
               {"threads", answer.workload.threads},
               {"target", answer.target},
               {"source", answer.standings.empty() ? "estimated" : "measured"},
               {"estimate_seconds", std::isfinite(answer.estimate_seconds) ? Json(answer.estimate_seconds) : Json()},
               {"tried", Json::object()}};
  for (const auto& [verdict, count] : answer.tried) json["tried"][std::string(db::to_string(verdict))] = count;
  const char* const names[] = {"incumbent", "runner_up"};
  for (std::size_t i = 0; i < 2; ++i) {
    Json& entry = json[names[i]];
    if (i >= answer.standings.size()) continue;
    const Standing& standing = answer.standings[i];
    const db::Measurement& m = standing.measurement;
    entry = {{"id", m.id},
             {"uid", m.uid},
             {"schedule", Json::parse(m.schedule)},
             {"object_hash", m.object_hash ? Json(m.object_hash->hex()) : Json()},
             {"median_ns", m.median_ns},
             {"interval_ns", interval(standing.interval_ns)},
             {"samples", m.samples_ns.size()},
             {"place", db::to_string(m.place)},
             {"created_at", m.created_at},
             {"roofline", roofline_share(standing) ? Json(*roofline_share(standing)) : Json()},
             {"other_load_cores", other_load_of(m) ? Json(*other_load_of(m)) : Json()},
             {"environment", m.environment.empty() ? Json() : Json::parse(m.environment)}};
  }
  if (answer.comparison) {
    const Contrast& contrast = answer.comparison->contrast;
    json["ratio"] = {{"ratio", contrast.ratio},
                     {"interval", interval(contrast.interval)},
                     {"by_pairs", answer.comparison->by_pairs},
                     {"runner_up_is", to_string(contrast.decision)}};
  }
  return json;
}

Expected<int> run(const Arguments& arguments) {
  if (!arguments.has("workload")) {
    return fail(ErrorKind::usage, "no workload given", "give its hash, its canonical text, or a name from `nntune explain`");
  }
  NNTUNE_ASSIGN(const std::string isa, read_isa_option(arguments));
  NNTUNE_ASSIGN(const Costs costs, open_costs(read_db_option(arguments), isa));
  NNTUNE_ASSIGN(const auto workload, find_workload(*costs.database, arguments.text("workload")));
  NNTUNE_ASSIGN(const Answer answer, find(costs, workload));
  fmt::print("{}", arguments.has("json") ? to_json(answer).dump(2) + "\n" : render(answer));
  return 0;
}

}  // namespace

extern const Command kWhyCommand;
const Command kWhyCommand = {"why", "WORKLOAD [--db FILE] [--isa ISA] [--json]",
                             "tell why a kernel's schedule was chosen, and how sure that is", declare, run};

}  // namespace nntune::cli
