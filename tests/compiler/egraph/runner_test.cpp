#include "compiler/egraph/runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <thread>

#include "compiler/egraph/smallest_term.h"
#include "tests/compiler/egraph/egg_languages.h"

namespace nntune::egraph {
namespace {

std::vector<Rewrite> sums(SymbolTable& symbols) {
  std::vector<Rewrite> rules;
  rules.push_back(*rewrite("commute", "(+ ?a ?b)", "(+ ?b ?a)", symbols));
  rules.push_back(*rewrite("associate", "(+ ?a (+ ?b ?c))", "(+ (+ ?a ?b) ?c)", symbols));
  return rules;
}

// With n leaves, sums over each non-empty subset are one class, each non-trivial ordered split of it is a node.
TEST(Runner, SaturatesAssociativityAndCommutativity) {
  for (const BackoffOptions backoff : {BackoffOptions{}, BackoffOptions{.match_limit = 20, .ban_iterations = 2}}) {
    EGraph graph;
    const auto rules = sums(graph.symbols());
    egg::add(graph, "(+ a (+ b (+ c (+ d (+ e f)))))");
    const RunReport report = run(graph, rules, {.nodes = 100'000, .iterations = 1000, .backoff = backoff});
    EXPECT_EQ(report.stop.kind, StopReason::Kind::saturated) << report.text();
    EXPECT_EQ(graph.class_count(), 63U);                         // 2^6 - 1
    EXPECT_EQ(graph.node_count(), 6U + (729U - 2U * 64U + 1U));  // leaves + (3^6 - 2 * 2^6 + 1)
    EXPECT_EQ(graph.check_invariants(), "");
  }
}

TEST(Runner, SaysWhichLimitStoppedIt) {
  const auto stop = [](const RunLimits& limits) {
    EGraph graph;
    const auto rules = sums(graph.symbols());
    egg::add(graph, "(+ 1 (+ 2 (+ 3 (+ 4 (+ 5 (+ 6 (+ 7 (+ 8 9))))))))");
    return run(graph, rules, limits).stop;
  };
  EXPECT_EQ(stop({.nodes = 500, .iterations = 100}).kind, StopReason::Kind::node_limit);
  EXPECT_EQ(stop({.nodes = 1'000'000, .iterations = 2}).text(), "iteration limit (2)");
  EXPECT_EQ(stop({.nodes = 1'000'000, .iterations = 100, .time = std::chrono::milliseconds(0)}).kind,
            StopReason::Kind::time_limit);
  EXPECT_EQ(stop({.nodes = 1'000'000, .iterations = 100, .matches = 100}).kind, StopReason::Kind::match_limit);
}

TEST(Runner, WithoutATimeLimitASlowMachineMakesTheSameGraph) {
  const auto result = [](std::chrono::milliseconds delay, const RunLimits& given) {
    EGraph graph;
    const auto rules = sums(graph.symbols());
    egg::add(graph, "(+ 1 (+ 2 (+ 3 (+ 4 (+ 5 (+ 6 (+ 7 (+ 8 9))))))))");
    RunLimits limits = given;
    limits.reached = [&](const EGraph&) {  // looked at in each iteration
      std::this_thread::sleep_for(delay);
      return false;
    };
    const RunReport report = run(graph, rules, limits);
    return report.stop.text() + " " + std::to_string(graph.node_count()) + " " + std::to_string(graph.class_count());
  };
  using std::chrono::milliseconds;
  const RunLimits counted = {.nodes = 1'000'000, .iterations = 5, .matches = 3000, .time = std::nullopt};
  EXPECT_EQ(result(milliseconds(0), counted), result(milliseconds(30), counted));
  RunLimits timed = counted;
  timed.time = milliseconds(20);
  EXPECT_NE(result(milliseconds(0), counted), result(milliseconds(30), timed)) << "what a clock does";
}

TEST(Runner, ResultAtSaturationDoesNotDependOnTheOrderOfRules) {
  std::vector<std::size_t> order = {0, 1, 2, 3, 4};
  std::vector<std::string> results;
  do {
    EGraph graph;
    std::vector<Rewrite> rules = sums(graph.symbols());
    rules.push_back(*rewrite("zero", "(+ ?a 0)", "?a", graph.symbols()));
    rules.push_back(*rewrite("double", "(+ ?a ?a)", "(* 2 ?a)", graph.symbols()));
    rules.push_back(*rewrite("halve", "(* 2 (half ?a))", "?a", graph.symbols()));
    std::vector<Rewrite> permuted;
    for (const std::size_t i : order) {
      permuted.push_back(rules[i]);
    }
    const ClassId root = egg::add(graph, "(+ (half x) (+ 0 (+ y (half x))))");
    const RunReport report = run(graph, permuted, {.nodes = 10'000, .iterations = 100});
    ASSERT_EQ(report.stop.kind, StopReason::Kind::saturated);
    const SmallestTerms terms(graph);
    results.push_back(std::to_string(graph.node_count()) + " " + std::to_string(graph.class_count()) + " " +
                      terms.term(root).text());
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(std::adjacent_find(results.begin(), results.end(), std::not_equal_to<>()), results.end());
  EXPECT_NE(results.front().find("(+ "), std::string::npos) << results.front();
}

TEST(Runner, DynamicRuleComputesItsRightSide) {
  EGraph graph;
  std::vector<Rewrite> rules;
  // count{n}(x) = count{n+1}(x) up to 5.
  rules.push_back(*rewrite(
      "count", "(count:n ?x)",
      [](EGraph& g, const Match& match) -> std::optional<ClassId> {
        const std::string text(g.text(match.node("n")));
        const int value = std::stoi(text.substr(6));
        return value < 5 ? std::optional(g.add("count{" + std::to_string(value + 1) + "}", {match["x"]})) : std::nullopt;
      },
      graph.symbols()));
  const ClassId start = egg::add(graph, "(count{0} x)");
  const RunReport report = run(graph, rules);
  EXPECT_EQ(report.stop.kind, StopReason::Kind::saturated);
  EXPECT_EQ(graph.nodes(graph.find(start)).size(), 6U);
  EXPECT_EQ(report.rules[0].applied, 5U);
}

TEST(Runner, ConditionHoldsARuleBack) {
  EGraph graph;
  std::vector<Rewrite> rules;
  rules.push_back(*rewrite("only y", "(f ?x)", "?x", graph.symbols(), [](const EGraph& g, const Match& match) {
    return lookup_term(g, *parse_sexpr("y")) == g.find(match["x"]);
  }));
  egg::add(graph, "(f y)");
  egg::add(graph, "(f z)");
  run(graph, rules);
  EXPECT_TRUE(egg::equal(graph, "(f y)", "y"));
  EXPECT_FALSE(egg::equal(graph, "(f z)", "z"));
}

TEST(Runner, ReportsEachRuleAndIteration) {
  EGraph graph;
  std::vector<Rewrite> rules = sums(graph.symbols());
  rules.push_back(*rewrite("never", "(- ?a ?b)", "?a", graph.symbols()));
  egg::add(graph, "(+ a (+ b c))");
  const RunReport report = run(graph, rules);
  ASSERT_EQ(report.rules.size(), 3U);
  EXPECT_EQ(report.rules[0].name, "commute");
  std::size_t matches = 0;
  for (const IterationStats& iteration : report.iterations) matches += iteration.matches[1];
  EXPECT_EQ(report.rules[1].matches, matches);
  EXPECT_GT(report.rules[1].applied, 0U);
  EXPECT_LE(report.rules[1].applied, matches);
  EXPECT_EQ(report.rules[2].matches, 0U);
  EXPECT_EQ(report.iterations.back().nodes, graph.node_count());
  EXPECT_EQ(report.iterations.back().applied, 0U);
  EXPECT_GT(report.peak_bytes, 0U);
  for (const char* part : {"saturated after", "commute", "never", "matches"}) {
    EXPECT_NE(report.text().find(part), std::string::npos) << report.text();
  }
}

TEST(Runner, AMultiPatternJoinsSeveralTerms) {
  EGraph graph;
  // Two products with one left factor: their sum by one product.
  const std::vector<Rewrite> rules = {
      *rewrite("common factor", "?s = (+ ?p ?q), ?p = (* ?a ?b), ?q = (* ?a ?c)", "(* ?a (+ ?b ?c))", graph.symbols())};
  egg::add(graph, "(+ (* x y) (* x z))");
  egg::add(graph, "(+ (* x y) (* w z))");
  run(graph, rules);
  EXPECT_TRUE(egg::equal(graph, "(+ (* x y) (* x z))", "(* x (+ y z))"));
  EXPECT_FALSE(lookup_term(graph, *parse_sexpr("(* w (+ y z))")).has_value());
  EXPECT_EQ(graph.node_count(), 11U);  // x y z w, three products, two sums, and (+ y z) with its product
}

TEST(Rewrite, RefusesAVariableThatOnlyTheRightSideHas) {
  EGraph graph;
  const auto rule = rewrite("wrong", "(f ?x)", "(g ?y)", graph.symbols());
  ASSERT_FALSE(rule.has_value());
  EXPECT_EQ(rule.error().message(), "?y stands only on the right; bind it on the left side");
}

TEST(Runner, AContradictionEndsIt) {
  egg::Math constants;
  EGraph graph(constants);
  std::vector<Rewrite> rules;
  rules.push_back(*rewrite("one", "(f ?x)", "1", graph.symbols()));
  rules.push_back(*rewrite("two", "(f ?x)", "2", graph.symbols()));
  egg::add(graph, "(f y)");
  const RunReport report = run(graph, rules, {});
  EXPECT_EQ(report.stop.kind, StopReason::Kind::contradiction) << report.stop.text();
  EXPECT_EQ(report.stop.text(),
            "contradiction: a class with f and one with 2 were found equal, but their data exclude each other");
}

TEST(Backoff, ABannedRuleComesBackBeforeTheRunEnds) {
  EGraph graph;
  std::vector<Rewrite> rules;
  rules.push_back(*rewrite("many", "(f ?x)", "(g ?x)", graph.symbols()));
  for (int i = 0; i < 200; ++i) {
    graph.add("f", {graph.add(std::to_string(i))});
  }
  const RunReport report = run(graph, rules, {.backoff = BackoffOptions{.match_limit = 60, .ban_iterations = 3}});
  EXPECT_EQ(report.stop.kind, StopReason::Kind::saturated);
  EXPECT_EQ(report.rules[0].bans, 2U);  // over 60, over 120, under 240
  EXPECT_TRUE(egg::equal(graph, "(f 7)", "(g 7)"));
}

}  // namespace
}  // namespace nntune::egraph
