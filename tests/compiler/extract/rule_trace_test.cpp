#include "compiler/extract/rule_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/egraph/runner.h"

namespace nntune::extract {
namespace {

using egraph::ClassId;
using egraph::EGraph;
using egraph::NodeId;
using egraph::Rewrite;

/// "rule made, rule made"
std::string text(const std::vector<RuleStep>& steps) {
  std::string out;
  for (const RuleStep& step : steps) out += (out.empty() ? "" : ", ") + step.rule + " " + step.made;
  return out;
}

NodeId node_with(const EGraph& graph, ClassId id, std::string_view text) {
  for (const NodeId node : graph.nodes(graph.find(id))) {
    if (graph.text(node) == text) return node;
  }
  ADD_FAILURE() << "no " << text;
  return 0;
}

TEST(RuleTrace, TellsTheRulesThatMadeANodeInOrder) {
  EGraph graph;
  const ClassId x = graph.add("x");
  const ClassId a = graph.add("a", {x});
  const auto renames = [&](const char* name, const char* from, const char* to) {
    return *egraph::rewrite(
        name, std::string("(") + from + ":n ?x)",
        [to](EGraph& g, const egraph::Match& match) { return std::optional(g.add(to, {match["x"]})); }, graph.symbols());
  };
  std::vector<Rewrite> rules = {renames("c-to-d", "c", "d"), renames("a-to-b", "a", "b"), renames("b-to-c", "b", "c"),
                                renames("a-to-z", "a", "z")};
  RuleTrace trace;
  rules = trace.follow(std::move(rules));
  egraph::run(graph, rules);
  EXPECT_EQ(text(trace.steps(graph, node_with(graph, a, "d"))), "a-to-b b, b-to-c c, c-to-d d");
  EXPECT_EQ(text(trace.steps(graph, node_with(graph, a, "z"))), "a-to-z z");
  EXPECT_EQ(text(trace.steps(graph, node_with(graph, a, "a"))), "");
  EXPECT_EQ(trace.rule(node_with(graph, a, "a")), RuleTrace::kImported);
  EXPECT_EQ(trace.names().at(trace.rule(node_with(graph, a, "c"))), "b-to-c");
}

// Both nodes of a class match "(f ?x)"; the trace tells which of them it was.
TEST(RuleTrace, WhatAPatternDidNotNameIsFoundByItsText) {
  EGraph graph;
  const ClassId a = graph.add("a", {graph.add("x")});
  graph.merge(a, graph.add("f", {graph.add("x")}));
  std::vector<Rewrite> rules;
  rules.push_back(*egraph::rewrite("a-to-fy", "(a ?x)", "(f (y ?x))", graph.symbols()));
  rules.push_back(*egraph::rewrite("f-of-y", "(f (y ?x))", "(g ?x)", graph.symbols()));
  rules.push_back(*egraph::rewrite("f-of-x", "(f ?x)", "(h ?x)", graph.symbols()));
  RuleTrace trace;
  rules = trace.follow(std::move(rules));
  egraph::run(graph, rules);
  EXPECT_EQ(text(trace.steps(graph, node_with(graph, a, "g"))), "a-to-fy f, f-of-y g");
  std::vector<std::string> ways;
  for (const NodeId node : graph.nodes(graph.find(a))) {
    if (graph.text(node) == "h") ways.push_back(text(trace.steps(graph, node)));
  }
  EXPECT_THAT(ways, testing::UnorderedElementsAre("f-of-x h", "a-to-fy f, f-of-x h"));
}

}  // namespace
}  // namespace nntune::extract
