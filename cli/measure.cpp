// `nntune measure selftest`: proves on this machine that what nntune measures can be believed.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/json.h"
#include "cli/command.h"
#include "cli/options.h"
#include "tuner/selftest.h"
#include "tuner/worker_process.h"

namespace nntune::cli {
namespace {

using tuner::SelftestReport;
using tuner::SelftestRow;

void declare(Options& options) {
  options.add("action", "selftest: is what is measured true?", "selftest");
  options.add("duels", "of twins, and as many against 3 % more work", "N", "200");
  options.flag("json", "print one JSON object");
  options.positional({"action"});
}

double share(int part, int all) { return all == 0 ? 0 : static_cast<double>(part) / all; }

std::string render(const SelftestRow& row) {
  const auto rounds = static_cast<double>(row.rounds + row.dropped);
  return fmt::format("{:<8} {:>7}  {:<8}  {:>4} of {:>3}  {:>5} of {:>3} {:>6.3f} {:>7.1f} % {:>6.0f} s\n", row.kernel,
                     row.threads, tuner::to_string(row.load), row.told_apart, row.twins, row.found, row.slowed, row.ratio,
                     100 * static_cast<double>(row.dropped) / std::max(1.0, rounds), row.seconds);
}

std::string render_rates(const SelftestReport& report) {
  const auto line = [](std::string_view what, int part, int all, std::string_view limit, double bound, bool fine) {
    return fmt::format("{}: {} of {}, {:.1f} % ({} {:.0f} % asked): {}\n", what, part, all, 100 * share(part, all), limit,
                       100 * bound, fine ? "fine" : "FAILED");
  };
  return line("twins told apart", report.told_apart(), report.twins(), "at most", tuner::kMostTold, report.twins_fine()) +
         line("3 % slower found", report.found(), report.slowed(), "at least", tuner::kLeastFound, report.slowed_fine());
}

Json to_json(const SelftestReport& report, const Target& target) {
  Json rows = Json::array();
  for (const SelftestRow& row : report.rows) {
    rows.push_back({{"kernel", row.kernel},
                    {"threads", row.threads},
                    {"load", tuner::to_string(row.load)},
                    {"twins", row.twins},
                    {"told_apart", row.told_apart},
                    {"slowed", row.slowed},
                    {"found", row.found},
                    {"ratio", row.ratio},
                    {"rounds", row.rounds},
                    {"dropped", row.dropped},
                    {"seconds", row.seconds}});
  }
  return {{"target", target.short_name},
          {"conditions", rows},
          {"seconds", report.seconds},
          {"twins_told_apart", share(report.told_apart(), report.twins())},
          {"slowed_found", share(report.found(), report.slowed())},
          {"ok", report.twins_fine() && report.slowed_fine()}};
}

Expected<int> run(const Arguments& arguments) {
  if (!arguments.has("action")) return fail(ErrorKind::usage, "no action given", "try `nntune measure selftest`");
  const auto& action = arguments.text("action");
  if (action != "selftest") {
    return fail(ErrorKind::usage, fmt::format("unknown action '{}'", action), "try `nntune measure selftest`");
  }
  NNTUNE_ASSIGN(const std::int64_t duels, parse_integer(arguments.text("duels"), "--duels", 1, 10'000));
  const bool json = arguments.has("json");
  tuner::SelftestOptions options;
  options.duels = static_cast<int>(duels);
  options.worker_binary = tuner::own_binary();
  NNTUNE_ASSIGN(options.target, probe_target());

  const auto show = [&](const std::string& text) {
    if (json) return;
    fmt::print("{}", text);
    std::fflush(stdout);
  };
  const tuner::DuelRequest duel;
  show(fmt::format(
      "{}\n{} duels of twins (one schedule, compiled twice), {} against 3 % more work.\n"
      "A duel is up to {} rounds A B B A of {:.1f} ms a sample. Told apart is what\n"
      "differs by more than {:.0f} % with {:.0f} % confidence.\n\n"
      "{:<8} {:>7}  {:<8}  {:>11}  {:>12} {:>6} {:>9} {:>8}\n",
      options.target.short_name, duels, duels, duel.most_rounds, 1e3 * duel.sample_seconds, 100 * duel.margin,
      100 * kConfidence, "bound by", "threads", "load", "told apart", "found slower", "ratio", "dropped", "time"));
  NNTUNE_ASSIGN(const SelftestReport report, tuner::selftest(options, [&](const SelftestRow& row) { show(render(row)); }));
  if (json) {
    fmt::print("{}\n", to_json(report, options.target).dump(2));
  } else {
    show(fmt::format("\n{:.0f} s in all\n{}", report.seconds, render_rates(report)));
  }
  return report.twins_fine() && report.slowed_fine() ? 0 : 1;
}

}  // namespace

extern const Command kMeasureCommand;
const Command kMeasureCommand = {"measure", "selftest [--duels 200] [--json]", "prove that what is measured can be believed",
                                 declare, run};

}  // namespace nntune::cli
