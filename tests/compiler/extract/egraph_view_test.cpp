#include "compiler/extract/egraph_view.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "compiler/extract/extract.h"
#include "tests/compiler/extract/simple_costs.h"
#include "tests/compiler/rules/decoder_layer.h"

namespace nntune::extract {
namespace {

using State = EGraphView::State;

Extraction extraction(bool keep_egraph) {
  ExtractOptions options;
  options.rules.isa = {.avx2 = true, .fma = true, .f16c = true};
  options.keep_egraph = keep_egraph;
  const auto phases = testing_models::phases(testing_models::Shape{});
  auto result = extract_explained(phases, testing_models::SimpleCosts(), options);
  EXPECT_TRUE(result.has_value());
  return std::move(*result);
}

TEST(EGraphView, IsKeptOnlyWhereItIsAskedFor) { EXPECT_FALSE(extraction(false).explanation.egraph.has_value()); }

TEST(EGraphView, EachKernelOfTheProgramIsAChosenNodeOfItsClass) {
  const Extraction made = extraction(true);
  const EGraphView& view = *made.explanation.egraph;
  EXPECT_EQ(view.classes.size(), made.explanation.classes);
  std::map<egraph::ClassId, const EGraphView::Class*> classes;
  for (const auto& item : view.classes) classes[item.id] = &item;
  EXPECT_GT(made.explanation.decisions.size(), 10U);
  for (const Decision& decision : made.explanation.decisions) {
    ASSERT_TRUE(classes.contains(decision.class_id));
    const EGraphView::Class& item = *classes[decision.class_id];
    EXPECT_EQ(view.sections.at(item.section).phase, decision.phase);
    int chosen = 0;
    for (const auto& node : item.nodes) {
      if (node.state != State::chosen) continue;
      ++chosen;
      EXPECT_EQ(view.workloads.at(node.workload).text(), decision.chosen.text());
    }
    EXPECT_EQ(chosen, 1) << decision.chosen.text();
  }
}

TEST(EGraphView, NodesReadClassesThatAreThereAndOnlyThoseWithoutAKernelCostInfinity) {
  const Extraction made = extraction(true);
  const EGraphView& view = *made.explanation.egraph;
  std::set<egraph::ClassId> ids;
  for (const auto& item : view.classes) ids.insert(item.id);
  std::map<State, int> states;
  std::size_t nodes = 0;
  for (const auto& item : view.classes) {
    EXPECT_LT(item.type, view.types.size());
    for (const auto& node : item.nodes) {
      ++nodes;
      ++states[node.state];
      EXPECT_LT(node.op, view.ops.size());
      EXPECT_TRUE(node.rule == RuleTrace::kImported || node.rule < view.rules.size());
      for (const egraph::ClassId operand : node.operands) EXPECT_TRUE(ids.contains(operand));
      if (node.workload == EGraphView::kNone) continue;
      EXPECT_EQ(std::isinf(view.costs.at(node.workload).seconds), node.state == State::refused);
    }
  }
  EXPECT_EQ(nodes, made.explanation.nodes);
  for (const State state : {State::chosen, State::possible, State::refused, State::constant}) EXPECT_GT(states[state], 0);
}

}  // namespace
}  // namespace nntune::extract
