// Limits that end a run in the middle of an iteration, and matching by several threads.
#include <gtest/gtest.h>

#include "compiler/egraph/runner.h"
#include "tests/compiler/egraph/egg_languages.h"
#include "tests/compiler/egraph/egg_reference.h"

namespace nntune::egraph {
namespace {

// 1000 sums in pairs of pairs: 1e12 matches.
void add_sums(EGraph& graph) {
  for (int i = 0; i < 1000; ++i) graph.add("+", {graph.add(fmt::format("a{}", i)), graph.add(fmt::format("b{}", i))});
}
constexpr const char* kFourSums = "(+ ?a ?b), (+ ?c ?d), (+ ?e ?f), (+ ?g ?h)";

TEST(Limits, TheTimeLimitEndsASingleSearch) {
  for (const int threads : {1, 2}) {
    EGraph graph;
    add_sums(graph);
    const std::vector<Rewrite> rules = {*rewrite("all", kFourSums, "(+ ?a ?h)", graph.symbols())};
    const RunReport report = run(graph, rules,
                                 {.time = std::chrono::milliseconds(100),
                                  .memory_bytes = std::size_t{1} << 40,
                                  .threads = threads,
                                  .nodes_worth_threads = 0,
                                  .backoff = BackoffOptions{.match_limit = 1'000'000'000'000}});
    EXPECT_EQ(report.stop.kind, StopReason::Kind::time_limit) << report.stop.text();
    EXPECT_LT(report.seconds, 30);  // it would be hours
    EXPECT_EQ(graph.check_invariants(), "");
  }
}

TEST(Limits, TheMemoryLimitEndsASingleSearch) {
  EGraph graph;
  add_sums(graph);
  const std::vector<Rewrite> rules = {*rewrite("all", kFourSums, "(+ ?a ?h)", graph.symbols())};
  const RunReport report =
      run(graph, rules, {.time = std::chrono::minutes(5), .memory_bytes = 20'000'000, .backoff = std::nullopt});
  EXPECT_EQ(report.stop.text(), "memory limit (20 MB)");
  EXPECT_LT(report.peak_bytes, 40'000'000U);
}

TEST(Limits, TheMemoryLimitHoldsForTheGraph) {
  EGraph graph;
  std::vector<Rewrite> rules = {*rewrite("commute", "(+ ?a ?b)", "(+ ?b ?a)", graph.symbols()),
                                *rewrite("associate", "(+ ?a (+ ?b ?c))", "(+ (+ ?a ?b) ?c)", graph.symbols())};
  egg::add(graph, "(+ 1 (+ 2 (+ 3 (+ 4 (+ 5 (+ 6 (+ 7 (+ 8 (+ 9 10)))))))))");
  const RunReport report = run(graph, rules, {.nodes = 1'000'000, .memory_bytes = 2'000'000, .backoff = std::nullopt});
  EXPECT_EQ(report.stop.kind, StopReason::Kind::memory_limit) << report.stop.text();
  EXPECT_GE(report.stop.value, 2e6);
  EXPECT_LT(graph.memory_bytes(), 6'000'000U);
  EXPECT_EQ(graph.check_invariants(), "");
}

TEST(Limits, MemoryIsCountedAsTheGraphGrows) {
  EGraph graph;
  std::size_t last = graph.memory_bytes();
  for (int i = 0; i < 4; ++i) {
    for (int k = 0; k < 2000; ++k) graph.add(fmt::format("x{}_{}", i, k));
    EXPECT_GT(graph.memory_bytes(), last + 2000 * 32);
    last = graph.memory_bytes();
  }
}

/// All that a run may be asked for afterwards.
std::string trace(int threads) {
  egg::Math math;
  EGraph graph(math);
  const auto rules = egg::rules(reference()["rules"]["math"], std::nullopt, math, graph.symbols());
  egg::add(graph, "(d x (- (pow x 3) (* 7 (pow x 2))))");
  egg::add(graph, "(i (* x (cos x)) x)");
  const RunReport report = run(
      graph, rules,
      {.nodes = 100'000, .iterations = 7, .time = std::chrono::minutes(5), .threads = threads, .nodes_worth_threads = 0});
  std::string result = report.stop.text();
  for (const IterationStats& iteration : report.iterations) {
    result += fmt::format("\n{} nodes, {} classes, {} applied:", iteration.nodes, iteration.classes, iteration.applied);
    for (const std::size_t matches : iteration.matches) result += fmt::format(" {}", matches);
    for (const std::size_t banned : iteration.banned) result += fmt::format(" -{}", banned);
  }
  for (NodeId node = 0; node < graph.total_nodes(); ++node) {
    result += fmt::format("\n{}: {} {}", graph.find(node), graph.text(node), graph.children(node).size());
    for (const ClassId child : graph.children(node)) result += fmt::format(" {}", child);
  }
  return result;
}

TEST(Threads, GiveTheSameGraphInAnyNumber) {
  NNTUNE_NEED_DATA(reference_file());
  const std::string one = trace(1);
  EXPECT_GT(std::ranges::count(one, '\n'), 5000);
  EXPECT_TRUE(one == trace(2));
  EXPECT_TRUE(one == trace(4));
}

// A rule that settles is searched for new matches alone; what it counts are all.
TEST(FreshMatches, AreThoseThatTheSearchBeforeDidNotHave) {
  EGraph graph;
  const Pattern pattern = *Pattern::parse("(+ ?a (+ ?b ?c))", graph.symbols());
  const auto search = [&](bool fresh_only) { return pattern.search(graph, {.fresh_only = fresh_only}); };
  egg::add(graph, "(+ 1 (+ 2 3))");
  graph.rebuild();
  egg::add(graph, "(+ 4 (+ 2 3))");
  graph.rebuild();
  EXPECT_EQ(search(false).size(), 2U);
  EXPECT_EQ(search(true).size(), 1U);
  EXPECT_EQ(search(true).known, 1U);
  // A new node in a class that both sums have as operand: new matches of old nodes.
  graph.merge(egg::add(graph, "(+ 2 3)"), egg::add(graph, "(+ 3 2)"));
  graph.rebuild();
  EXPECT_EQ(search(true).size(), 2U);
  EXPECT_EQ(search(true).known, 2U);
  // A merge of two leaves gives the nodes above other operands.
  graph.merge(egg::add(graph, "3"), egg::add(graph, "5"));
  graph.rebuild();
  EXPECT_EQ(search(true).size() + search(true).known, 4U);
  EXPECT_EQ(search(false).size(), 4U);
}

TEST(FreshMatches, GroundTermsThatAppearedLaterMakeOldNodesMatch) {
  EGraph graph;
  const Pattern pattern = *Pattern::parse("(f ?a two)", graph.symbols());
  graph.add("f", {graph.add("x"), graph.add("y")});
  graph.rebuild();
  graph.merge(graph.add("y"), graph.add("two"));
  graph.rebuild();
  EXPECT_EQ(pattern.search(graph, {.fresh_only = true}).size(), 1U);
}

}  // namespace
}  // namespace nntune::egraph
