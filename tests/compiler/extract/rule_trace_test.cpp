#include "compiler/extract/rule_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/egraph/runner.h"
#include "compiler/extract/rule_steps.h"

namespace nntune::extract {
namespace {

using egraph::ClassId;
using egraph::EGraph;
using egraph::NodeId;
using egraph::Rewrite;

NodeId node_with(const EGraph& graph, ClassId id, std::string_view text) {
  for (const NodeId node : graph.nodes(graph.find(id))) {
    if (graph.text(node) == text) return node;
  }
  ADD_FAILURE() << "no " << text;
  return 0;
}

/// A graph whose rules are followed.
struct Followed {
  EGraph graph;
  RuleTrace trace;
  std::vector<Rewrite> rules;

  void rule(const char* name, const char* left, const char* right) {
    rules.push_back(*egraph::rewrite(name, left, right, graph.symbols()));
  }
  void run() {
    rules = trace.follow(graph, std::move(rules));
    egraph::run(graph, rules);
  }
  /// "rule made, rule made backwards"
  [[nodiscard]] std::string steps(NodeId node) const {
    std::string out;
    for (const RuleStep& step : RuleSteps(trace, graph).to(node)) {
      out += (out.empty() ? "" : ", ") + step.rule + " " + step.made + (step.backward ? " backwards" : "");
    }
    return out;
  }
  [[nodiscard]] std::string steps(ClassId id, std::string_view text) const { return steps(node_with(graph, id, text)); }
};

TEST(RuleTrace, TellsTheRulesThatMadeANodeInOrder) {
  Followed f;
  const ClassId a = f.graph.add("a", {f.graph.add("x")});
  const auto renames = [&](const char* name, const char* from, const char* to) {
    f.rules.push_back(*egraph::rewrite(
        name, std::string("(") + from + ":n ?x)",
        [to](EGraph& g, const egraph::Match& match) { return std::optional(g.add(to, {match["x"]})); }, f.graph.symbols()));
  };
  renames("c-to-d", "c", "d");
  renames("a-to-b", "a", "b");
  renames("b-to-c", "b", "c");
  renames("a-to-z", "a", "z");
  f.run();
  EXPECT_EQ(f.steps(a, "d"), "a-to-b b, b-to-c c, c-to-d d");
  EXPECT_EQ(f.steps(a, "z"), "a-to-z z");
  EXPECT_EQ(f.steps(a, "a"), "");
  EXPECT_EQ(f.trace.rule(node_with(f.graph, a, "a")), RuleTrace::kImported);
  EXPECT_EQ(f.trace.names().at(f.trace.rule(node_with(f.graph, a, "c"))), "b-to-c");
}

// Both nodes of a class match "(f ?x)"; the trace tells which of them it was.
TEST(RuleTrace, WhatAPatternDidNotNameIsKnownToo) {
  Followed f;
  const ClassId a = f.graph.add("a", {f.graph.add("x")});
  f.graph.merge(a, f.graph.add("f", {f.graph.add("x")}));
  f.rule("a-to-fy", "(a ?x)", "(f (y ?x))");
  f.rule("f-of-y", "(f (y ?x))", "(g ?x)");
  f.rule("f-of-x", "(f ?x)", "(h ?x)");
  f.run();
  EXPECT_EQ(f.steps(a, "g"), "a-to-fy f, f-of-y g");
  std::vector<std::string> ways;
  for (const NodeId node : f.graph.nodes(f.graph.find(a))) {
    if (f.graph.text(node) == "h") ways.push_back(f.steps(node));
  }
  EXPECT_THAT(ways, testing::UnorderedElementsAre("f-of-x h", "a-to-fy f, f-of-x h"));
}

// The imported (u (p x)) and (v x) are two operations of the model; that they are equal is all that "u-is-v" finds.
TEST(RuleTrace, ARuleThatOnlyDeclaresClassesEqualIsAStep) {
  Followed f;
  const ClassId x = f.graph.add("x");
  const ClassId u = f.graph.add("u", {f.graph.add("p", {x})});
  const ClassId v = f.graph.add("v", {x});
  f.rule("u-is-v", "(u (p ?x))", "(v ?x)");
  f.rule("other", "(v ?x)", "(w ?x)");
  const std::size_t imported = f.graph.total_nodes();
  f.run();
  ASSERT_EQ(f.graph.total_nodes(), imported + 1);
  EXPECT_EQ(f.steps(u, "w"), "other w");
  EXPECT_EQ(f.steps(v), "") << "imported itself";
}

// (f (g x)) is what the model computes; only as g equals the known h does fuse match, and add the kernel.
TEST(RuleTrace, AnEqualityThatALeftSideRestsOnComesBeforeIt) {
  Followed f;
  const ClassId x = f.graph.add("x");
  const ClassId g = f.graph.add("g", {x});
  const ClassId h = f.graph.add("h", {x});
  const ClassId root = f.graph.add("f", {g});
  f.rule("fuse", "(f (h ?x))", "(kernel ?x)");
  f.rule("g-is-h", "(g ?x)", "(h ?x)");
  f.rule("unneeded", "(f ?x)", "(z ?x)");
  f.run();
  EXPECT_EQ(f.graph.find(g), f.graph.find(h));
  EXPECT_EQ(f.steps(root, "kernel"), "g-is-h h, fuse kernel");
}

// A rule joins the class of what was imported with that of a node made elsewhere: the chain goes through it.
TEST(RuleTrace, AMergeOfKnownClassesLeadsFromTheImportedToTheChosen) {
  Followed f;
  const ClassId x = f.graph.add("x");
  const ClassId s = f.graph.add("s", {x});
  f.graph.add("t", {x});
  f.rule("t-to-m", "(t ?x)", "(q (m ?x))");
  f.rule("m-to-k", "(m ?x)", "(k ?x)");
  f.rule("s-is-m", "(s ?x), (m ?x)", "(m ?x)");
  f.run();
  EXPECT_EQ(f.steps(s, "k"), "t-to-m m, s-is-m m, m-to-k k");
  EXPECT_EQ(f.steps(s, "m"), "t-to-m m, s-is-m m");
}

TEST(RuleTrace, CongruenceIsExplainedByTheOperands) {
  Followed f;
  const ClassId x = f.graph.add("x");
  const ClassId a = f.graph.add("f", {f.graph.add("a", {x})});
  f.graph.add("f", {f.graph.add("b", {x})});
  f.rule("a-is-b", "(a ?x)", "(b ?x)");
  f.rule("f-of-c", "(f (c ?x))", "(kernel ?x)");
  f.rule("b-to-c", "(b ?x)", "(c ?x)");
  f.run();
  const NodeId kernel = node_with(f.graph, a, "kernel");
  // From the second f, which is the nearer import, or from the first: in both cases c is what b was made into.
  EXPECT_THAT(f.steps(kernel), testing::AnyOf("b-to-c c, f-of-c kernel", "a-is-b b, b-to-c c, f-of-c kernel"));
}

TEST(RuleTrace, ARuleReadFromRightToLeftSaysSo) {
  Followed f;
  const ClassId x = f.graph.add("x");
  const ClassId b = f.graph.add("b", {x});
  f.graph.add("seed", {x});
  f.rule("seed-to-a", "(seed ?x)", "(r (a ?x))");
  f.rule("a-to-b", "(a ?x)", "(b ?x)");
  f.run();
  EXPECT_EQ(f.steps(b, "a"), "a-to-b a backwards");
}

// What is chosen inside a kernel's class need not be of a value that the model computes.
TEST(RuleTrace, ANodeOfANewValueIsExplainedByTheRuleThatMadeIt) {
  Followed f;
  const ClassId x = f.graph.add("x");
  f.graph.add("a", {x});
  f.rule("pack", "(a ?x)", "(unpack (b (packed ?x)))");
  f.rule("b-to-c", "(b ?x)", "(c ?x)");
  f.run();
  const auto packed = f.graph.lookup(*f.graph.symbols().find("packed"), std::vector{x});
  const auto b = f.graph.lookup(*f.graph.symbols().find("b"), std::vector{*packed});
  EXPECT_EQ(f.steps(*b, "c"), "pack b, b-to-c c") << "the value of b is new";
  EXPECT_EQ(f.steps(*packed, "packed"), "pack packed");
}

TEST(RuleTrace, LeavesTheEGraphAsItIsWithoutIt) {
  const auto build = [](Followed& f) {
    const ClassId x = f.graph.add("x");
    f.graph.add("+", {f.graph.add("*", {x, f.graph.add("1")}), f.graph.add("0")});
    f.rule("comm-add", "(+ ?a ?b)", "(+ ?b ?a)");
    f.rule("comm-mul", "(* ?a ?b)", "(* ?b ?a)");
    f.rule("zero", "(+ ?a 0)", "?a");
    f.rule("one", "(* ?a 1)", "?a");
    f.rule("add-zero", "?a", "(+ ?a 0)");
  };
  Followed followed, plain;
  build(followed);
  build(plain);
  followed.run();
  const egraph::RunReport report = egraph::run(plain.graph, plain.rules);
  EXPECT_EQ(report.stop.kind, egraph::StopReason::Kind::saturated);
  EXPECT_EQ(followed.graph.node_count(), plain.graph.node_count());
  EXPECT_EQ(followed.graph.class_count(), plain.graph.class_count());
}

}  // namespace
}  // namespace nntune::extract
