// Extraction from the 61 e-graphs of ../shared/egraphs: greedy, with local search, exact; gaps to the best known cost, validity
// by the independent checker, e-nodes a second. Usage: bench_egraph_extract [NAME-PART [EXACT-SECONDS]]. All of it takes up to half
// an hour. The summary has one line for each aim, with the instance that is furthest from it.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "compiler/dag/check.h"
#include "compiler/dag/evaluate.h"
#include "compiler/dag/extract.h"
#include "compiler/egraph/serialize.h"
#include "tests/support/paths.h"

namespace nntune {
namespace {

/// The largest of some values, and whose it is.
struct Worst {
  double value = -std::numeric_limits<double>::infinity();
  std::string name = "none";

  void add(double other, const std::string& other_name) {
    if (other <= value) return;
    value = other;
    name = other_name;
  }
};

struct Totals {
  int count = 0;
  int invalid = 0;
  int optimal_known = 0;
  int optimal_reached = 0;
  int proved = 0;
  double greedy_gap = 0;
  double local_gap = 0;
  double exact_gap = 0;
  double nodes = 0;
  double greedy_seconds = 0;
  Worst seconds_per_node;  ///< greedy
  Worst local;             ///< gap
  Worst local_seconds;
  Worst exact_open;  ///< gap where the optimum is not known
  Worst exact_over_greedy_reference;
  Worst exact_seconds;
};

bool valid(const egraph::ExtractionInstance& instance, const Json& document, const dag::Choice& choice) {
  Json choices = Json::object();
  for (std::size_t c = 0; c < choice.size(); ++c) {
    if (choice[c] != dag::kNone) choices[instance.class_names[c]] = instance.node_names[choice[c]];
  }
  return dag::check_extraction(document, choices).valid;
}

/// Median of some runs, reduction of what is useless included.
double greedy_seconds(const egraph::ExtractionInstance& instance) {
  std::vector<double> seconds;
  for (int i = 0; i < 5; ++i) {
    const Clock::time_point begin = Clock::now();
    (void)dag::greedy_choice(instance);
    seconds.push_back(seconds_since(begin));
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

void summarize(const Totals& totals, std::chrono::milliseconds exact_limit) {
  const double count = std::max(1, totals.count);
  const auto percent = [](const Worst& worst) {
    return worst.name == "none" ? std::string("-") : fmt::format("{:+.3f} % ({})", 100 * worst.value, worst.name);
  };
  fmt::print("\n{} e-graphs; aims behind the figures\n", totals.count);
  fmt::print("valid   all but {} of {} results (0)\n", totals.invalid, 3 * totals.count);
  fmt::print("greedy  {:.2f} M e-nodes/s in all, slowest {:.2f} ({}) (1); {:.2f} % over the best known on average\n",
             totals.nodes / totals.greedy_seconds / 1e6, 1e-6 / totals.seconds_per_node.value, totals.seconds_per_node.name,
             100 * totals.greedy_gap / count);
  fmt::print("local   {:.3f} % over the best known on average (2), worst {}; at most {:.2f} s (1)\n",
             100 * totals.local_gap / count, percent(totals.local), totals.local_seconds.value);
  fmt::print("exact   {} of {} known optima, {:.1f} % (90), within {:.0f} s: at most {:.2f} s ({})\n",
             totals.optimal_reached, totals.optimal_known,
             100.0 * totals.optimal_reached / std::max(1, totals.optimal_known),
             static_cast<double>(exact_limit.count()) / 1e3, totals.exact_seconds.value, totals.exact_seconds.name);
  fmt::print("exact   worst over the best known where no optimum is known: {} (3)\n", percent(totals.exact_open));
  fmt::print("exact   worst over greedy_dag_cost: {} (0)\n", percent(totals.exact_over_greedy_reference));
  fmt::print("exact   {:.3f} % over the best known on average, {} of {} proved\n", 100 * totals.exact_gap / count,
             totals.proved, totals.count);
}

Status run(const std::string& part, std::chrono::milliseconds exact_limit) {
  const std::filesystem::path folder = test_support::shared_folder() / "egraphs";
  NNTUNE_ASSIGN(const Json known, read_json(folder / "costs.json"));
  fmt::print("{:<34} {:>7} {:>7} {:>9}  {:>8}  {:>8} {:>6}  {:>8} {:>6}  {}\n", "", "e-nodes", "M/s", "best", "greedy",
             "local", "s", "exact", "s", "best is / proved bound");
  Totals totals;
  for (const auto& [name, entry] : known.items()) {
    if (name.find(part) == std::string::npos) continue;
    const std::filesystem::path path = folder / (name + ".json.gz");
    NNTUNE_ASSIGN(const std::string text, egraph::read_serialized_text(path));
    NNTUNE_ASSIGN(const Json document, parse_json(text, name));
    NNTUNE_ASSIGN(const egraph::ExtractionInstance instance, egraph::parse_serialized(text, name));
    const double best = entry.at("best_known_dag_cost");
    const auto gap = [best](double cost) { return cost / best - 1; };

    const double seconds = greedy_seconds(instance);
    const dag::Choice greedy = dag::greedy_choice(instance);
    const double greedy_cost = dag::evaluate(instance, greedy).cost;
    Clock::time_point begin = Clock::now();
    NNTUNE_ASSIGN(const dag::DagExtraction local, dag::extract(instance, {}));
    const double local_seconds = seconds_since(begin);
    dag::ExtractOptions options;
    options.exact = true;
    options.limit = exact_limit;
    begin = Clock::now();
    NNTUNE_ASSIGN(const dag::DagExtraction exact, dag::extract(instance, options));
    const double exact_seconds = seconds_since(begin);

    const auto nodes = static_cast<double>(instance.node_count());
    const bool known_optimal = entry.at("optimal");
    fmt::print("{:<34.34} {:>7} {:>7.2f} {:>9.6g} {:>8.2f}% {:>8.2f}% {:>6.2f} {:>8.2f}% {:>6.2f}  {}/ {}{:.6g}\n", name,
               instance.node_count(), nodes / seconds / 1e6, best, 100 * gap(greedy_cost), 100 * gap(local.cost),
               local_seconds, 100 * gap(exact.cost), exact_seconds, known_optimal ? "optimum " : "best known ",
               exact.optimal ? "optimal " : "", exact.lower_bound);
    std::fflush(stdout);
    ++totals.count;
    for (const dag::Choice* choice : {&greedy, &local.choice, &exact.choice}) {
      totals.invalid += valid(instance, document, *choice) ? 0 : 1;
    }
    constexpr double kSame = 1e-6;
    totals.optimal_known += known_optimal ? 1 : 0;
    totals.optimal_reached += known_optimal && gap(exact.cost) <= kSame ? 1 : 0;
    totals.proved += exact.optimal ? 1 : 0;
    if (!known_optimal) totals.exact_open.add(gap(exact.cost), name);
    totals.exact_over_greedy_reference.add(exact.cost / entry.at("greedy_dag_cost").get<double>() - 1, name);
    totals.greedy_gap += gap(greedy_cost);
    totals.local_gap += gap(local.cost);
    totals.exact_gap += gap(exact.cost);
    totals.local.add(gap(local.cost), name);
    totals.local_seconds.add(local_seconds, name);
    totals.exact_seconds.add(exact_seconds, name);
    totals.seconds_per_node.add(seconds / nodes, name);
    totals.nodes += nodes;
    totals.greedy_seconds += seconds;
  }
  summarize(totals, exact_limit);
  return {};
}

}  // namespace
}  // namespace nntune

int main(int argc, char** argv) {
  const double seconds = argc > 2 ? std::atof(argv[2]) : 30;
  const nntune::Status status =
      nntune::run(argc > 1 ? argv[1] : "", std::chrono::milliseconds(static_cast<int>(1000 * seconds)));
  if (!status) fmt::print(stderr, "{}\n", status.error().message());
  return status ? 0 : 1;
}
