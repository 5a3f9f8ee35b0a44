// The same e-graphs as egg: counts of nodes, classes and matches, bans and proved goals, iteration by iteration, against
// ../shared/egraphs/egg_reference.json.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "compiler/egraph/runner.h"
#include "tests/compiler/egraph/egg_languages.h"
#include "tests/compiler/egraph/egg_reference.h"

namespace nntune::egraph {
namespace {

struct Run {
  std::string suite;
  std::string name;
  std::string which;  ///< own, simple, backoff
};

void PrintTo(const Run& run, std::ostream* out) { *out << run.suite << " " << run.name << ", " << run.which; }

std::vector<Run> runs() {
  std::vector<Run> result;
  if (reference().is_null()) return {{"", "missing", ""}};
  for (const Json& item : reference()["cases"]) {
    for (const char* which : {"own", "simple", "backoff"}) {
      if (!item[which].is_null()) result.push_back({item["suite"], item["name"], which});
    }
  }
  return result;
}

class EggReference : public testing::TestWithParam<Run> {};

TEST_P(EggReference, GrowsTheSameEGraphs) {
  NNTUNE_NEED_DATA(reference_file());
  const auto& [suite, name, which] = GetParam();
  const auto item = std::ranges::find_if(
      reference()["cases"], [&](const Json& c) { return c["suite"] == GetParam().suite && c["name"] == GetParam().name; });
  const Json& expected = (*item)[which];

  const auto language = egg::make_language(suite);
  const bool folds = (*item)["analysis"];
  std::optional<EGraph> held;
  if (folds) {
    held.emplace(*language->analysis());
  } else {
    held.emplace();
  }
  EGraph& graph = *held;
  std::optional<std::set<std::string>> names;
  if (!(*item)["rules"].is_null()) names = (*item)["rules"].get<std::set<std::string>>();
  const auto rules = egg::rules(reference()["rules"][suite], names, *language, graph.symbols());

  for (const Json& term : (*item)["also_added"]) egg::add(graph, term.get<std::string>());
  const ClassId start = egg::add(graph, (*item)["start"].get<std::string>());
  if (!(*item)["assumed_equal"].is_null()) graph.merge(start, egg::add(graph, (*item)["assumed_equal"].get<std::string>()));
  std::vector<Pattern> goals;
  for (const Json& goal : (*item)["goals"]) goals.push_back(*Pattern::parse(goal.get<std::string>(), graph.symbols()));

  // Goals are looked for before the first iteration and after each.
  std::vector<std::optional<std::size_t>> proved(goals.size());
  std::vector<std::pair<std::size_t, std::size_t>> sizes;
  const bool ends_at_goals = which == "own" && expected["stop"] == "all goals proved";
  const auto look = [&](const EGraph& now) {
    for (std::size_t i = 0; i < goals.size(); ++i) {
      if (proved[i]) continue;
      const Matches matches = goals[i].search(now);
      if (std::ranges::find(matches.roots, now.find(start)) != matches.roots.end()) proved[i] = sizes.size();
    }
    sizes.emplace_back(now.node_count(), now.class_count());
    return ends_at_goals && std::ranges::all_of(proved, [](const auto& p) { return p.has_value(); });
  };

  const std::size_t comparable = expected["order_independent_iterations"];
  RunLimits limits{.nodes = 10'000'000, .iterations = comparable, .time = std::chrono::minutes(5), .reached = look};
  if (which == "simple" || (which == "own" && expected["scheduler"] == "simple")) limits.backoff.reset();
  const RunReport report = run(graph, rules, limits);

  EXPECT_EQ(graph.check_invariants(), "");
  if (expected.contains("initial")) {
    EXPECT_EQ(sizes.at(0),
              std::pair(expected["initial"]["nodes"].get<std::size_t>(), expected["initial"]["classes"].get<std::size_t>()));
  }
  if (report.stop.kind == StopReason::Kind::saturated && report.iterations.size() < comparable) {
    // egg counts every match of lem_imply as applied and goes on, changing nothing.
    EXPECT_EQ(suite, "prop") << "saturated after " << report.iterations.size();
  } else {
    ASSERT_EQ(report.iterations.size(), comparable) << report.stop.text();
  }
  if (expected.contains("final") && comparable == expected["iteration_count"]) {
    EXPECT_EQ(sizes.back(),
              std::pair(expected["final"]["nodes"].get<std::size_t>(), expected["final"]["classes"].get<std::size_t>()));
  }
  for (std::size_t i = 0; expected.contains("iterations") && i < comparable; ++i) {
    SCOPED_TRACE(fmt::format("iteration {}", i));
    const Json& then = expected["iterations"][i];
    const IterationStats& now = report.iterations[std::min(i, report.iterations.size() - 1)];
    EXPECT_EQ(now.nodes, then["nodes"].get<std::size_t>());
    EXPECT_EQ(now.classes, then["classes"].get<std::size_t>());
    std::set<std::string> banned;
    if (then.contains("skipped")) banned = then["skipped"].get<std::set<std::string>>();
    for (std::size_t r = 0; r < rules.size(); ++r) {
      const bool is_banned = std::ranges::find(now.banned, r) != now.banned.end();
      const std::size_t matches = then["matches"].value(rules[r].name, std::size_t{0});
      if (is_banned) {  // not looked for, or no further than the ban needs
        EXPECT_TRUE(banned.contains(rules[r].name) || matches == 0) << rules[r].name;
      } else {
        EXPECT_EQ(now.matches[r], matches) << rules[r].name;
        EXPECT_FALSE(banned.contains(rules[r].name)) << rules[r].name;
      }
    }
    if (HasFailure()) break;
  }
  for (std::size_t i = 0; i < goals.size(); ++i) {
    const Json& after = expected["goal_proved_after"][i];
    const bool in_reach = !after.is_null() && after.get<std::size_t>() <= comparable;
    EXPECT_EQ(proved[i], in_reach ? std::optional(after.get<std::size_t>()) : std::nullopt) << goals[i].text();
  }
}

INSTANTIATE_TEST_SUITE_P(All, EggReference, testing::ValuesIn(runs()), [](const testing::TestParamInfo<Run>& run) {
  return run.param.suite + "_" + run.param.name + "_" + run.param.which;
});

}  // namespace
}  // namespace nntune::egraph
