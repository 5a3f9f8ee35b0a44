#include "compiler/egraph/pattern.h"

#include <gtest/gtest.h>

#include <set>

namespace nntune::egraph {
namespace {

ClassId add(EGraph& graph, std::string_view text) { return add_term(graph, *parse_sexpr(text)); }

std::size_t count(EGraph& graph, std::string_view pattern) {
  graph.rebuild();
  auto parsed = Pattern::parse(pattern, graph.symbols());
  EXPECT_TRUE(parsed.has_value()) << pattern;
  return parsed->search(graph).size();
}

TEST(Pattern, VariableMatchesEveryClass) {
  EGraph graph;
  add(graph, "(+ a (* b c))");
  EXPECT_EQ(count(graph, "?x"), 5U);
}

TEST(Pattern, ARepeatedVariableIsTheSameClass) {
  EGraph graph;
  add(graph, "(+ a b)");
  add(graph, "(+ a a)");
  EXPECT_EQ(count(graph, "(+ ?x ?y)"), 2U);
  EXPECT_EQ(count(graph, "(+ ?x ?x)"), 1U);
  graph.merge(add(graph, "a"), add(graph, "b"));
  EXPECT_EQ(count(graph, "(+ ?x ?x)"), 1U) << "both sums are one node now";
}

TEST(Pattern, MatchesEveryNodeOfAClass) {
  EGraph graph;
  graph.merge(add(graph, "(+ a b)"), add(graph, "(+ c d)"));
  graph.merge(add(graph, "(+ a b)"), add(graph, "(* c d)"));
  add(graph, "(neg (+ a b))");
  EXPECT_EQ(count(graph, "(neg (+ ?x ?y))"), 2U);
  EXPECT_EQ(count(graph, "(neg (* ?x ?y))"), 1U);
  EXPECT_EQ(count(graph, "(neg (- ?x ?y))"), 0U);
}

TEST(Pattern, GroundTermsAreLookedUp) {
  EGraph graph;
  add(graph, "(+ (* 2 x) y)");
  add(graph, "(+ (* 3 x) y)");
  EXPECT_EQ(count(graph, "(+ (* 2 x) ?y)"), 1U);
  EXPECT_EQ(count(graph, "(+ (* 4 x) ?y)"), 0U);
  EXPECT_EQ(count(graph, "(* 2 x)"), 1U);
}

TEST(Pattern, ArityIsExactUnlessOpen) {
  EGraph graph;
  add(graph, "(f a)");
  add(graph, "(f a b)");
  add(graph, "(f a b c)");
  EXPECT_EQ(count(graph, "(f ?x)"), 1U);
  EXPECT_EQ(count(graph, "(f:n ?x ?y ..)"), 2U);
  EXPECT_EQ(count(graph, "(f:n ..)"), 3U);
}

TEST(Pattern, HeadMatchesAnyPayloadAndBindsTheNode) {
  EGraph graph;
  add(graph, "(g (slice{0,2} x))");
  add(graph, "(g (slice{2,4} x))");
  add(graph, "(g (other{2,4} x))");
  graph.rebuild();
  const auto pattern = Pattern::parse("(g (slice:s ?x))", graph.symbols());
  ASSERT_TRUE(pattern.has_value());
  const Matches matches = pattern->search(graph);
  ASSERT_EQ(matches.size(), 2U);
  std::set<std::string> found;
  for (std::size_t i = 0; i < matches.size(); ++i) {
    found.emplace(graph.text(matches.nodes_of(i)[pattern->variables().node_index("s")]));
  }
  EXPECT_EQ(found, (std::set<std::string>{"slice{0,2}", "slice{2,4}"}));
}

TEST(Pattern, SeveralExpressionsJoinOnTheirSharedVariables) {
  EGraph graph;
  add(graph, "(m x a)");
  add(graph, "(m x b)");
  add(graph, "(m y a)");
  EXPECT_EQ(count(graph, "(m ?x ?a), (m ?x ?b)"), 5U);  // 2 * 2 with x, 1 with y
  EXPECT_EQ(count(graph, "(m ?x ?a), (m ?y ?a)"), 5U);  // 2 * 2 with a, 1 with b
  EXPECT_EQ(count(graph, "(m ?x ?a), (m ?y ?b)"), 9U);  // all pairs
  EXPECT_EQ(count(graph, "(m:p ?x ?a), (m:q ?x ?b)"), 5U);
}

TEST(Pattern, SearchStopsAtItsLimit) {
  EGraph graph;
  for (int i = 0; i < 100; ++i) {
    graph.add("f", {graph.add(std::to_string(i))});
  }
  graph.rebuild();
  EXPECT_EQ(Pattern::parse("(f ?x)", graph.symbols())->search(graph, {.matches = 10}).size(), 10U);
}

TEST(Pattern, NodesOfOneClass) {
  EGraph graph;
  const ClassId f = graph.add("f", {graph.add("a")});
  const ClassId g = graph.add("g", {graph.add("b")});
  graph.add("f", {graph.add("c")});
  graph.merge(f, g);
  graph.rebuild();
  const Pattern pattern = *Pattern::parse("?v = (f ?x), ?v = (g ?y)", graph.symbols());
  EXPECT_EQ(pattern.variables().classes, (std::vector<std::string>{"v", "x", "y"}));
  const Matches matches = pattern.search(graph);
  ASSERT_EQ(matches.size(), 1U);
  EXPECT_EQ(matches.classes_of(0)[0], graph.find(f));
  EXPECT_EQ(matches.classes_of(0)[2], graph.find(*graph.lookup(*graph.symbols().find("b"), {})));
}

TEST(Pattern, HiddenOperatorsAreNotFoundButStillEqual) {
  EGraph graph;
  const ClassId a = graph.add("a");
  const ClassId sum = graph.add("+", {a, graph.add("b")});
  graph.merge(sum, graph.add("3"));
  graph.hide_operators(sum);
  graph.rebuild();
  EXPECT_EQ(Pattern::parse("(+ ?x ?y)", graph.symbols())->search(graph).size(), 0U);
  EXPECT_EQ(Pattern::parse("?v = 3", graph.symbols())->search(graph).size(), 1U);
  EXPECT_EQ(graph.node_count(), 3U);
  EXPECT_EQ(graph.find(graph.add("+", {a, graph.add("b")})), graph.find(sum));
  // Congruence goes through them.
  graph.merge(a, graph.add("c"));
  graph.rebuild();
  EXPECT_EQ(graph.find(graph.add("+", {graph.add("c"), graph.add("b")})), graph.find(sum));
  EXPECT_EQ(graph.check_invariants(), "");
}

}  // namespace
}  // namespace nntune::egraph
