// The e-graph engine on egg's own test languages: the cases of egg_reference.json that egg was measured on, and how the rate
// changes as a graph grows. One thread unless the name says so.
//
// Columns: the median time of `runs` runs from the first term to the last rebuild; e-nodes and classes at the end, e-nodes a
// second (all rates are by processor time); matches of all rules in all iterations, as egg finds and applies them, and how
// many a second; e-nodes ever added, and how many a second: most turn out equal to others; and peak_MB, what the resident
// set of a fresh process grew by at most during one run (VmHWM, so matches and tables in the middle of growing are counted).
// egg_s and egg_MB are those of egg 0.11 on machine kind B (Intel with AMX); on another machine only a measured egg can be
// compared with.
#include <benchmark/benchmark.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "base/clock.h"
#include "base/json.h"
#include "compiler/egraph/runner.h"
#include "tests/compiler/egraph/egg_languages.h"
#include "tests/support/paths.h"

namespace nntune::egraph {
namespace {

struct Case {
  std::string suite;
  std::string name;  ///< in egg_reference.json; "": `leaves` under associativity and commutativity
  std::size_t iterations = 0;
  int leaves = 0;
  double egg_seconds = 0;
  double egg_megabytes = 0;
};

struct Result {
  double seconds = 0;
  double cpu_seconds = 0;
  double nodes = 0;
  double classes = 0;
  double matches = 0;
  double added = 0;
  double peak_bytes = 0;
};

const Json& reference() {
  static const Json json = [] {
    std::ifstream file(test_support::shared_folder() / "egraphs/egg_reference.json");
    return file ? Json::parse(file) : Json();
  }();
  return json;
}

/// A line of /proc/self/status in bytes.
double process_bytes(std::string_view key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) return 1024.0 * std::stod(line.substr(key.size() + 1));
  }
  return 0;
}

Result measure(const Case& which) {
  const auto language = egg::make_language(which.suite);
  const bool sums = which.name.empty();
  const auto holder = sums ? std::make_unique<EGraph>() : std::make_unique<EGraph>(*language->analysis());
  EGraph& graph = *holder;
  std::vector<std::string> terms;
  std::optional<std::set<std::string>> names;
  if (sums) {
    names = {"comm-add", "assoc-add"};
    std::string sum = "x0";
    for (int i = 1; i < which.leaves; ++i) sum = fmt::format("(+ x{} {})", i, sum);
    terms.push_back(sum);
  } else {
    const Json& item = *std::ranges::find_if(reference()["cases"], [&](const Json& c) { return c["name"] == which.name; });
    for (const Json& term : item["also_added"]) terms.push_back(term);
    terms.push_back(item["start"]);
  }
  const auto rules = egg::rules(reference()["rules"][which.suite], names, *language, graph.symbols());

  const double before = process_bytes("VmRSS:");
  const std::clock_t cpu_start = std::clock();
  const Clock::time_point start = Clock::now();
  for (const std::string& term : terms) egg::add(graph, term);
  const RunReport report =
      run(graph, rules,
          {.nodes = 1'000'000'000, .iterations = which.iterations, .time = std::chrono::hours(1), .backoff = std::nullopt});
  return {
      .seconds = seconds_since(start),
      .cpu_seconds = static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC,
      .nodes = static_cast<double>(graph.node_count()),
      .classes = static_cast<double>(graph.class_count()),
      .matches = std::accumulate(report.rules.begin(), report.rules.end(), 0.0,
                                 [](double sum, const RuleStats& rule) { return sum + static_cast<double>(rule.matches); }),
      .added = static_cast<double>(graph.total_nodes()),
      .peak_bytes = process_bytes("VmHWM:") - before};
}

/// In a child, so that no run finds pages that another one left behind.
std::optional<Result> measure_in_child(const Case& which) {
  int ends[2];
  if (pipe(ends) != 0) return std::nullopt;
  const pid_t child = fork();
  if (child == 0) {
    { std::ofstream("/proc/self/clear_refs") << "5"; }  // the peak starts here
    const Result result = measure(which);
    const bool sent = write(ends[1], &result, sizeof(result)) == static_cast<ssize_t>(sizeof(result));
    _exit(sent ? 0 : 1);
  }
  close(ends[1]);
  Result result;
  const bool received = child > 0 && read(ends[0], &result, sizeof(result)) == static_cast<ssize_t>(sizeof(result));
  close(ends[0]);
  if (child > 0) waitpid(child, nullptr, 0);
  return received ? std::optional(result) : std::nullopt;
}

void saturate(benchmark::State& state, const Case& which, int runs) {
  if (reference().is_null()) return state.SkipWithError("egg_reference.json is missing");
  for ([[maybe_unused]] const auto _ : state) {
    std::vector<Result> results;
    for (int i = 0; i < runs; ++i) {
      const auto result = measure_in_child(which);
      if (!result) return state.SkipWithError("a run ended early");
      results.push_back(*result);
    }
    std::ranges::sort(results, {}, &Result::seconds);
    const Result& median = results[results.size() / 2];
    state.SetIterationTime(median.seconds);
    state.counters["e_nodes"] = median.nodes;
    state.counters["classes"] = median.classes;
    state.counters["e_nodes_per_s"] = median.nodes / median.cpu_seconds;
    state.counters["matches"] = median.matches;
    state.counters["matches_per_s"] = median.matches / median.cpu_seconds;
    state.counters["added"] = median.added;
    state.counters["added_per_s"] = median.added / median.cpu_seconds;
    state.counters["cpu_ms"] = 1e3 * median.cpu_seconds;
    state.counters["peak_MB"] = 1e-6 * median.peak_bytes;
    if (which.egg_seconds > 0) {
      state.counters["egg_s"] = which.egg_seconds;
      state.counters["egg_MB"] = which.egg_megabytes;
    }
  }
}

void add(const std::string& name, const Case& which, int runs) {
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) { saturate(state, which, runs); })
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
}

const bool kRegistered = [] {
  for (const Case& which : std::vector<Case>{
           {"math", "math_bench_all", 7, 0, 0.100, 31},
           {"math", "math_simplify_root", 11, 0, 0.46, 105},
           {"math", "integ_x", 10, 0, 0.92, 189},
           {"lambda", "lambda_bench_all", 12, 0, 0.27, 72},
       }) {
    add(fmt::format("{}/{}_iterations", which.name, which.iterations), which, 9);
  }
  add("sum_of_11/saturated", {"math", "", 1000, 11, 3.3, 315}, 9);
  for (const std::size_t iterations : {9, 10, 11, 12}) {
    add(fmt::format("growth/math_simplify_root/{}_iterations", iterations), {"math", "math_simplify_root", iterations},
        iterations < 12 ? 5 : 1);
  }
  for (const std::size_t iterations : {8, 9, 10, 11}) {
    add(fmt::format("growth/integ_x/{}_iterations", iterations), {"math", "integ_x", iterations}, iterations < 11 ? 5 : 1);
  }
  for (const int leaves : {9, 10, 11, 12}) {
    add(fmt::format("growth/sum_of_{}/saturated", leaves), {"math", "", 1000, leaves}, leaves < 12 ? 5 : 1);
  }
  return true;
}();

}  // namespace
}  // namespace nntune::egraph
