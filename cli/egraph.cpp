// `nntune egraph extract FILE`: the cheapest term of any e-graph, each shared class paid once.
#include <fmt/format.h>

#include <cmath>

#include "base/clock.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/options.h"
#include "compiler/dag/check.h"
#include "compiler/dag/extract.h"
#include "compiler/egraph/serialize.h"
#include "tuner/interrupt.h"

namespace nntune::cli {
namespace {

void declare(Options& options) {
  options.add("action", "extract", "ACTION");
  options.add("file", "e-graph in egraph-serialize JSON, gzip or not", "FILE");
  options.flag("exact", "solve an integer program after the local search");
  options.add("limit", "time for all of it, e.g. 500ms, 2m (default: 1s, with --exact 30s)", "TIME");
  options.add("seed", "of the local search's choices", "N", "1");
  options.positional({"action", "file"});
}

Json choices_of(const egraph::ExtractionInstance& instance, const dag::Choice& choice) {
  Json result = Json::object();
  for (std::size_t c = 0; c < choice.size(); ++c) {
    if (choice[c] != dag::kNone) result[instance.class_names[c]] = instance.node_names[choice[c]];
  }
  return result;
}

Expected<int> run(const Arguments& arguments) {
  if (arguments.text("action") != "extract") {
    return fail(ErrorKind::usage, "no action given that is known", "the one there is: `nntune egraph extract FILE`");
  }
  if (!arguments.has("file")) {
    return fail(ErrorKind::usage, "no e-graph given",
                "`nntune egraph extract FILE` takes egraph-serialize JSON, gzip or not");
  }
  dag::ExtractOptions options;
  options.exact = arguments.has("exact");
  if (arguments.has("limit")) {
    NNTUNE_ASSIGN(options.limit, parse_duration(arguments.text("limit"), "--limit"));
    if (!options.exact) options.search_time = options.limit;
  }
  NNTUNE_ASSIGN(const std::int64_t seed, parse_integer(arguments.text("seed"), "--seed", 0, INT64_MAX));
  options.seed = static_cast<std::uint64_t>(seed);

  const std::string path = arguments.text("file");
  const tuner::InterruptGuard guard;
  options.stop = [] { return tuner::interrupted(); };
  NNTUNE_ASSIGN(const std::string text, egraph::read_serialized_text(path));
  NNTUNE_ASSIGN(const egraph::ExtractionInstance instance, egraph::parse_serialized(text, path));
  const Clock::time_point begin = Clock::now();
  const Expected<dag::DagExtraction> extraction = dag::extract(instance, options);
  if (!extraction) {
    Error error = extraction.error();
    error.what = fmt::format("{}: {}", path, error.what);
    return tl::unexpected<Error>(std::move(error));
  }
  const double seconds = seconds_since(begin);
  if (!extraction->solver_trouble.empty()) fmt::print(stderr, "nntune: {}\n", extraction->solver_trouble);
  const Json choices = choices_of(instance, extraction->choice);
  NNTUNE_ASSIGN(const Json document, parse_json(text, path));
  const dag::Verdict verdict = dag::check_extraction(document, choices);
  const Json result = {{"dag_cost", verdict.dag_cost},
                       {"tree_cost", std::isfinite(verdict.tree_cost) ? Json(verdict.tree_cost) : Json()},
                       {"lower_bound", extraction->lower_bound},
                       {"optimal", extraction->optimal},
                       {"valid", verdict.valid},
                       {"seconds", seconds},
                       {"choices", choices}};
  fmt::print("{}\n", result.dump(2));
  if (extraction->stopped) fmt::print(stderr, "nntune: interrupted; this is the best so far\n");
  if (!verdict.valid) return fail(ErrorKind::internal, "the extraction is not valid: " + verdict.why, "please report it");
  constexpr int kInterrupted = 130;  // as a shell reports a program that Ctrl-C ended
  return extraction->stopped ? kInterrupted : 0;
}

}  // namespace

extern const Command kEgraphCommand;
const Command kEgraphCommand = {"egraph", "extract FILE [--exact] [--limit TIME] [--seed N]",
                                "find the cheapest term of any e-graph, shared parts paid once", declare, run};

}  // namespace nntune::cli
