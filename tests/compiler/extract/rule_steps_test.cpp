// The rules named for the kernels of real programs; on small languages: rule_trace_test.cpp.
#include "compiler/extract/rule_steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "compiler/extract/extract.h"
#include "tests/compiler/extract/simple_costs.h"
#include "tests/compiler/rules/decoder_layer.h"

namespace nntune::extract {
namespace {

using graph::DType;
using graph::OpKind;
using testing::Contains;
using testing::Not;

ExtractOptions options() {
  Isa isa;
  isa.avx2 = isa.fma = isa.f16c = true;
  isa.avx512f = isa.avx512bw = isa.avx512vl = isa.avx512dq = true;
  return {.rules = {.isa = isa}, .trace_rules = true};
}

std::vector<std::string> names(const std::vector<RuleStep>& steps) {
  std::vector<std::string> result;
  for (const RuleStep& step : steps) result.push_back(step.rule);
  return result;
}

/// A norm and a matmul; `turns` times the norm is transposed and transposed back in between.
graph::Phase norm_and_matmul(int turns) {
  testing_models::Maker g;
  const auto x = g.input("x", DType::f32, {1, 256});
  auto h = g.chain("rms(1e-06,0)|scale", {x, g.weight("norm", DType::f32, {256})});
  for (int i = 0; i < 2 * turns; ++i) h = g(graph::Transpose{}, {h});
  g.graph.set_outputs({g(graph::matmul(), {h, g.weight("w", DType::f32, {512, 256})})});
  return {"decode", 1, {{"body", std::move(g.graph), 1}}};
}

/// The rules of its one kernel.
std::vector<std::string> rules_of_the_kernel(const graph::Phase& phase) {
  const auto extraction = extract_explained(std::vector{phase}, testing_models::SimpleCosts(), options());
  EXPECT_TRUE(extraction) << (extraction ? "" : extraction.error().message());
  if (!extraction) return {};
  EXPECT_EQ(extraction->explanation.decisions.size(), 1U);
  return names(extraction->explanation.decisions.at(0).rules);
}

// That two transposes are none declares two imported classes equal; without it the norm is not seen to be in front of the
// matmul.
TEST(RuleSteps, ARuleThatOnlyDeclaresClassesEqualStandsBeforeTheFusionThatNeedsIt) {
  const auto without = rules_of_the_kernel(norm_and_matmul(0));
  EXPECT_THAT(without, Contains("fuse-producer-into-matmul"));
  EXPECT_THAT(without, Not(Contains("transpose-of-transpose")));
  auto with = rules_of_the_kernel(norm_and_matmul(1));
  const auto turn = std::ranges::find(with, "transpose-of-transpose");
  ASSERT_NE(turn, with.end());
  EXPECT_LT(turn, std::ranges::find(with, "fuse-producer-into-matmul"));
  with.erase(turn);
  EXPECT_THAT(with, testing::UnorderedElementsAreArray(without)) << "nothing else is needed for it";
}

TEST(RuleSteps, AreOnlyTracedWhereAskedForAndLeaveTheProgramAsItIs) {
  const auto phases = testing_models::phases({});
  ExtractOptions untraced = options();
  untraced.trace_rules = false;
  const auto plain = extract_explained(phases, testing_models::SimpleCosts(), untraced);
  const auto traced = extract_explained(phases, testing_models::SimpleCosts(), options());
  ASSERT_TRUE(plain && traced);
  ASSERT_EQ(plain->explanation.decisions.size(), traced->explanation.decisions.size());
  for (std::size_t i = 0; i < plain->explanation.decisions.size(); ++i) {
    EXPECT_TRUE(plain->explanation.decisions[i].rules.empty());
    EXPECT_EQ(plain->explanation.decisions[i].chosen.text(), traced->explanation.decisions[i].chosen.text());
  }
  EXPECT_EQ(plain->explanation.nodes, traced->explanation.nodes);
  EXPECT_EQ(plain->explanation.cost, traced->explanation.cost);
}

TEST(RuleSteps, OfAQwen3LayerAreFewAndNamed) {
  const auto phases = testing_models::phases({});
  const auto extraction = extract_explained(phases, testing_models::SimpleCosts(), options());
  ASSERT_TRUE(extraction) << extraction.error().message();
  std::size_t longest = 0;
  for (const Decision& decision : extraction->explanation.decisions) {
    longest = std::max(longest, decision.rules.size());
    for (const RuleStep& step : decision.rules) EXPECT_FALSE(step.made.empty()) << step.rule;
  }
  EXPECT_GT(longest, 2U);
  EXPECT_LE(longest, 8U);
}

}  // namespace
}  // namespace nntune::extract
