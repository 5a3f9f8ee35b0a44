// `nntune repro ID`: measures a row of the database again, also one that crashed.
#include "tuner/repro.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string_view>
#include <utility>

#include "base/duration.h"
#include "base/json.h"
#include "base/statistics.h"
#include "cli/command.h"
#include "cli/database.h"
#include "cli/options.h"
#include "cli/wrap.h"
#include "compiler/schedule/short_name.h"
#include "db/database.h"
#include "db/query.h"
#include "tuner/worker_process.h"

namespace nntune::cli {
namespace {

using tuner::Replay;

void declare(Options& options) {
  declare_db_option(options);
  options.add("id", "row of the table measurement, or the beginning of its uid", "ID");
  options.flag("json", "print one JSON object");
  options.positional({"id"});
}

struct Stage {
  db::Measurement row;
  Target target;
  bool same_target = false;
  std::string measured_on;  ///< short name of the row's target
};

/// Whether the stored target `id` is this machine, seen as `target`; then that becomes what was stored.
Expected<bool> is_target(const db::Database& database, std::int64_t id, Target& target) {
  NNTUNE_ASSIGN(const auto stored, db::find_target(database, target));
  if (!stored || stored->id != id) return false;
  target = stored->latest;
  return true;
}

Expected<Stage> find(const std::optional<std::filesystem::path>& given, const std::string& id) {
  NNTUNE_ASSIGN(const auto database, open_for_reading(given));
  Stage stage;
  NNTUNE_ASSIGN(stage.row, db::find_measurement(database, id));
  NNTUNE_ASSIGN(stage.target, probe_target());
  NNTUNE_ASSIGN(stage.same_target, is_target(database, stage.row.target_id, stage.target));
  for (const std::string_view level : kIsaLevels) {
    auto limited = probe_target(level);
    if (stage.same_target || !limited) continue;  // found, or this CPU has no such level
    NNTUNE_ASSIGN(stage.same_target, is_target(database, stage.row.target_id, *limited));
    if (stage.same_target) stage.target = *std::move(limited);
  }
  NNTUNE_ASSIGN(const auto targets, db::targets(database));
  for (const db::TargetRecord& target : targets) {
    if (target.id == stage.row.target_id) stage.measured_on = target.target.short_name;
  }
  return stage;
}

std::string time_text(double ns) { return ns > 0 ? format_seconds(ns * 1e-9) : "-"; }

std::string hash_text(const std::optional<Hash128>& hash) { return hash ? hash->hex().substr(0, 16) : "-"; }

std::string render_row(const Stage& stage) {
  const db::Measurement& row = stage.row;
  const auto workload = schedule::Workload::parse(row.workload);
  std::string out = fmt::format("measurement {}, uid {}, {} UTC, in a {}\n", row.id, row.uid.substr(0, 16),
                                minute_of(row.created_at), db::to_string(row.place));
  out += wrapped(workload ? schedule::short_name(*workload) : row.workload, "  ");
  out += wrapped(row.schedule, "  ");
  out += fmt::format("  {} thread{}, seed {}\n", row.threads, row.threads == 1 ? "" : "s", row.seed);
  if (!stage.same_target) {
    out += fmt::format("  measured on another kind of machine ({}): times differ, verdicts may\n",
                       stage.measured_on.empty() ? "unknown" : stage.measured_on);
  }
  return out;
}

std::string render(const Stage& stage, const Replay& now) {
  const db::Measurement& then = stage.row;
  const auto line = [](std::string_view what, std::string_view before, std::string_view after, std::string_view note) {
    return fmt::format("{:<8} {:<18} {:<18} {}", what, before, after, note);
  };
  const double now_ns = median(now.samples_ns);
  std::string out = line("", "then", "now", "");
  const auto add = [&](const std::string& text) {
    out.erase(out.find_last_not_of(' ') + 1);
    out += "\n" + text;
  };
  add(line("verdict", db::to_string(then.verdict), db::to_string(now.verdict),
           then.verdict == now.verdict ? "" : "differs"));
  std::string ratio = then.median_ns > 0 && now_ns > 0 ? fmt::format("{:.3f} times", now_ns / then.median_ns) : "";
  if (!ratio.empty() && then.place == db::Place::program) ratio += ", then in a program";
  add(line("median", time_text(then.median_ns), time_text(now_ns), ratio));
  add(line("code", hash_text(then.object_hash), hash_text(now.object),
           !then.object_hash || !now.object ? ""
           : then.object_hash == now.object ? "equal"
                                            : "differs"));
  add("");
  if (!then.detail.empty()) out += wrapped("then: " + then.detail, "");
  if (!now.detail.empty()) out += wrapped("now: " + now.detail, "");
  if (!now.same_inputs) out += "the inputs differ: another version of nntune drew them\n";
  out += then.verdict == now.verdict ? "reproduced: the same verdict\n" : "not reproduced: another verdict\n";
  return out;
}

Json side(db::Verdict verdict, double median_ns, const std::optional<Hash128>& object, const std::string& detail) {
  return {{"verdict", db::to_string(verdict)},
          {"median_ns", median_ns > 0 ? Json(median_ns) : Json()},
          {"object_hash", object ? Json(object->hex()) : Json()},
          {"detail", detail}};
}

Json to_json(const Stage& stage, const Replay& now) {
  const db::Measurement& row = stage.row;
  Json json = {{"id", row.id},
               {"uid", row.uid},
               {"workload", row.workload},
               {"schedule", Json::parse(row.schedule)},
               {"threads", row.threads},
               {"seed", row.seed},
               {"place", db::to_string(row.place)},
               {"created_at", row.created_at},
               {"same_target", stage.same_target},
               {"same_inputs", now.same_inputs},
               {"then", side(row.verdict, row.median_ns, row.object_hash, row.detail)},
               {"now", side(now.verdict, median(now.samples_ns), now.object, now.detail)},
               {"same_code", row.object_hash.has_value() && row.object_hash == now.object},
               {"reproduced", row.verdict == now.verdict}};
  json["now"]["samples_ns"] = now.samples_ns;
  return json;
}

Expected<int> run(const Arguments& arguments) {
  if (!arguments.has("id")) {
    return fail(ErrorKind::usage, "no measurement given", "give the id of a row, or the beginning of its uid");
  }
  NNTUNE_ASSIGN(const Stage stage, find(read_db_option(arguments), arguments.text("id")));
  const bool json = arguments.has("json");
  if (!json) {
    fmt::print("{}\n", render_row(stage));
    std::fflush(stdout);
  }
  NNTUNE_ASSIGN(const Replay now, tuner::replay(stage.row, stage.target, tuner::own_binary()));
  fmt::print("{}",
             json ? to_json(stage, now).dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : render(stage, now));
  return stage.row.verdict == now.verdict ? 0 : 1;
}

}  // namespace

extern const Command kReproCommand;
const Command kReproCommand = {"repro", "ID [--db FILE] [--json]", "measure a row of the database again", declare, run};

}  // namespace nntune::cli
