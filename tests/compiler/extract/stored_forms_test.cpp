// A model may store its matrices otherwise than its kernels want them: in one piece, in parts, transposed.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "compiler/extract/extract.h"
#include "tests/compiler/extract/simple_costs.h"
#include "tests/compiler/rules/decoder_layer.h"

namespace nntune::extract {
namespace {

using graph::DType;
using graph::OpKind;
using testing_models::Maker;
using testing_models::SimpleCosts;

constexpr std::int64_t kHidden = 64;
constexpr std::int64_t kOutputs = 96;  // of each of two products

/// One section that multiplies rms(x) by what `weights` gives for each half of the outputs, and adds both products.
template <class Weights>
graph::Phase sum_of_two(const Weights& weights) {
  Maker g;
  const auto x = g.chain("rms(1e-06,0)", {g.input("x", DType::f32, {8, kHidden})});
  const auto first = g(graph::matmul(), {x, weights(g, 0)});
  const auto second = g(graph::matmul(), {x, weights(g, 1)});
  g.graph.set_outputs({g.chain("add", {g.chain("rms(1e-06,0)", {first}), second})});
  return {"prefill", 8, {{"body", std::move(g.graph), 1}}};
}

Program program_of(const graph::Phase& phase, const CostModel& costs) {
  Isa isa;
  isa.avx2 = isa.fma = isa.f16c = true;
  const auto result = extract({&phase, 1}, costs, {.rules = {.isa = isa}});
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message());
  return result ? *result : Program{};
}

std::vector<std::int64_t> outputs_of_matmuls(const Program& program) {
  std::vector<std::int64_t> result;
  for (const KernelStep& step : program.phases.at(0).sections.at(0).steps) {
    if (step.workload.op().kind() != OpKind::matmul) continue;
    const auto map = schedule::operand_map(step.workload.op());
    result.push_back(step.workload.inputs[map.w].shape[0]);
  }
  return result;
}

/// Matmuls with more or fewer outputs than `outputs` are slow.
SimpleCosts only(std::int64_t outputs) {
  SimpleCosts costs;
  costs.adjust = [outputs](const schedule::Workload& w, double seconds) {
    if (w.op().kind() != OpKind::matmul) return seconds;
    return w.inputs[schedule::operand_map(w.op()).w].shape[0] == outputs ? seconds : seconds + 1;
  };
  return costs;
}

TEST(StoredForms, OneMatrixIsMultipliedInPartsAndPartsInOne) {
  const auto one = [](Maker& g, std::int64_t half) {
    const auto w = g.weight("both", DType::f32, {2 * kOutputs, kHidden});
    return g(graph::Slice{.begin = half * kOutputs, .end = (half + 1) * kOutputs, .axis = 0}, {w});
  };
  const auto two = [](Maker& g, std::int64_t half) {
    return g.weight(half == 0 ? "first" : "second", DType::f32, {kOutputs, kHidden});
  };
  for (const graph::Phase& phase : {sum_of_two(one), sum_of_two(two)}) {
    EXPECT_EQ(outputs_of_matmuls(program_of(phase, only(kOutputs))), std::vector<std::int64_t>(2, kOutputs));
    EXPECT_EQ(outputs_of_matmuls(program_of(phase, only(2 * kOutputs))), std::vector<std::int64_t>(1, 2 * kOutputs));
  }
}

TEST(StoredForms, SlicesOfAProductAreProductsWithSlices) {
  Maker g;
  const auto x = g.chain("rms(1e-06,0)", {g.input("x", DType::f32, {8, kHidden})});
  const auto both = g(graph::matmul(), {x, g.weight("both", DType::f32, {2 * kOutputs, kHidden})});
  const auto first = g(graph::Slice{.begin = 0, .end = kOutputs}, {both});
  const auto second = g(graph::Slice{.begin = kOutputs, .end = 2 * kOutputs}, {both});
  g.graph.set_outputs({g.chain("swiglu", {first, second})});
  const graph::Phase phase{"prefill", 8, {{"body", std::move(g.graph), 1}}};
  EXPECT_EQ(outputs_of_matmuls(program_of(phase, only(kOutputs))), std::vector<std::int64_t>(2, kOutputs));
  EXPECT_EQ(outputs_of_matmuls(program_of(phase, only(2 * kOutputs))), std::vector<std::int64_t>(1, 2 * kOutputs));
}

TEST(StoredForms, TransposedMatricesAreTurnedAheadOfTime) {
  const auto transposed = [](Maker& g, std::int64_t half) {
    const auto w = g.weight(half == 0 ? "first" : "second", DType::f32, {kHidden, kOutputs});
    return g(graph::Transpose{}, {w});
  };
  const Program program = program_of(sum_of_two(transposed), SimpleCosts());
  EXPECT_FALSE(program.weights.empty());
  for (const StoredWeight& weight : program.weights) {
    EXPECT_TRUE(weight.type.packed()) << weight.key;
    EXPECT_EQ(weight.type.shape[1], kHidden);
  }
}

}  // namespace
}  // namespace nntune::extract
