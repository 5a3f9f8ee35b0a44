#include "compiler/extract/rotation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "compiler/extract/extract.h"
#include "tests/compiler/extract/run_program.h"
#include "tests/compiler/extract/simple_costs.h"
#include "tests/compiler/rules/qwen3_layer.h"

namespace nntune::extract {
namespace {

using namespace testing_models;

ExtractOptions options(Rotation rotation) {
  ExtractOptions result;
  result.rules.isa.avx2 = result.rules.isa.fma = result.rules.isa.avx512f = result.rules.isa.avx512bf16 = true;
  result.rules.allow_reassociation = true;  // so that a matmul may add both addends of the residual
  result.rotation = rotation;
  return result;
}

Extraction best(const std::vector<graph::Phase>& phases, const CostModel& costs, Rotation rotation) {
  auto result = extract_explained(phases, costs, options(rotation));
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message());
  return result ? std::move(*result) : Extraction{};
}

/// A machine whose matmuls with a longer inner dimension, such as the last one of a body, add nothing to their result (they share
/// that dimension among threads, say).
SimpleCosts sums_in_matmuls_up_to(std::int64_t most) {
  SimpleCosts costs;
  costs.adjust = [most](const schedule::Workload& w, double seconds) {
    const bool adds =
        w.op.kind() == graph::OpKind::matmul &&
        std::ranges::any_of(w.op.epilogue(), [](const graph::Step& step) { return step.kind == graph::StepKind::add; });
    const std::int64_t inner = w.op.kind() == graph::OpKind::matmul ? w.inputs[schedule::operand_map(w.op).w].shape[1] : 0;
    return adds && inner > most ? std::numeric_limits<double>::infinity() : seconds;
  };
  return costs;
}

std::string text(const Program& program) {
  std::string result;
  for (const PhaseProgram& phase : program.phases) {
    for (const SectionProgram& section : phase.sections) {
      for (const KernelStep& step : section.steps) result += section.name + " " + step.workload.text() + "\n";
    }
  }
  return result;
}

/// The logits of `layers` equal layers by the reference evaluator, given how a section is run.
template <class Run>
Tensor logits(const graph::Phase& phase, Run run) {
  const auto last_row = [](const Tensor& x) {
    const double* row = x.row(x.rows() - 1);
    return Tensor({graph::DType::f32, {1, x.columns()}, {}}, std::vector<double>(row, row + x.columns()));
  };
  std::vector<Tensor> x = run(0, leaves(phase.sections[0].graph, graph::OpKind::input));
  for (std::int64_t layer = 0; layer <= phase.sections[1].repeat; ++layer) {
    const bool is_head = layer == phase.sections[1].repeat;
    auto inputs = leaves(phase.sections[is_head ? 2 : 1].graph, graph::OpKind::input);
    // What the section before did not hand over is zero.
    if (x.size() < 2 || x[1].type.rank() != 2) x.resize(1);
    if (x.size() < 2) x.emplace_back(x[0].type);
    inputs.erase("x");
    inputs.emplace("x", is_head ? last_row(x[0]) : x[0]);
    inputs.emplace("residual", inputs.at("x"));
    inputs.emplace("branch", is_head ? last_row(x[1]) : x[1]);
    x = run(is_head ? 2 : 1, inputs);
  }
  return x[0];
}

TEST(Rotation, ARotatedModelGivesTheSameLogits) {
  for (const graph::DType dtype : {graph::DType::f32, graph::DType::bf16}) {
    for (const bool sums : {false, true}) {
      const auto phases = testing_models::phases(tiny_shape(dtype), 5);
      const SimpleCosts costs = sums ? SimpleCosts() : sums_in_matmuls_up_to(0);
      const Extraction extraction = best(phases, costs, Rotation::always);
      ASSERT_EQ(extraction.explanation.rotated, (std::vector<bool>{true, true}));
      std::map<std::string, Tensor> sources;
      for (const graph::Section& section : phases[0].sections) sources.merge(leaves(section.graph, graph::OpKind::weight));
      const std::vector<Tensor> weights = stored_weights(extraction.program, sources);
      for (std::size_t p = 0; p < phases.size(); ++p) {
        const Tensor expected = logits(phases[p], [&](std::size_t s, const std::map<std::string, Tensor>& inputs) {
          return reference::evaluate_graph<double>(phases[p].sections[s].graph, inputs, lookup(sources), {.past = kPast})
              .value();
        });
        const Tensor actual = logits(phases[p], [&](std::size_t s, const std::map<std::string, Tensor>& inputs) {
          return execute(extraction.program.phases[p].sections[s], weights, inputs);
        });
        ASSERT_EQ(actual.values.size(), expected.values.size());
        for (std::size_t i = 0; i < actual.values.size(); ++i) {
          const double tolerance = dtype == graph::DType::f32 ? 1e-9 : 0.5;
          ASSERT_NEAR(actual.values[i], expected.values[i], tolerance * std::max(1.0, std::abs(expected.values[i]))) << p;
        }
      }
    }
  }
}

TEST(Rotation, SavesAKernelALayerWhereTheLastMatmulAddsNothing) {
  const auto phases = testing_models::phases({.dtype = graph::DType::f32});
  const Extraction rotated = best(phases, sums_in_matmuls_up_to(2048), Rotation::automatic);
  const Extraction plain = best(phases, sums_in_matmuls_up_to(2048), Rotation::off);
  EXPECT_EQ(rotated.explanation.rotated, (std::vector<bool>{true, true}));
  EXPECT_EQ(plain.explanation.rotated, (std::vector<bool>{false, false}));
  EXPECT_LT(rotated.explanation.cost, plain.explanation.cost);
  const SectionProgram& body = rotated.program.phases[0].sections[1];
  EXPECT_EQ(body.steps.size() + 1, plain.program.phases[0].sections[1].steps.size());
  EXPECT_EQ(body.outputs.size(), 2U);
  // The last sum of a layer and the next norm are in one kernel.
  const std::string kernels = text(rotated.program);
  EXPECT_NE(kernels.find("body matmul{add|rms(1e-06,0)"), std::string::npos) << kernels;
  EXPECT_NE(kernels.find("head matmul{add|rms(1e-06,0)"), std::string::npos) << kernels;
}

TEST(Rotation, TakesNoOtherProgramWhereItDoesNotPay) {
  const auto phases = testing_models::phases({.dtype = graph::DType::f32});
  const Extraction automatic = best(phases, SimpleCosts(), Rotation::automatic);
  const Extraction off = best(phases, SimpleCosts(), Rotation::off);
  EXPECT_EQ(automatic.explanation.rotated, (std::vector<bool>{false, false}));
  EXPECT_EQ(automatic.explanation.nodes, off.explanation.nodes);  // not even looked at
  EXPECT_EQ(text(automatic.program), text(off.program));
  EXPECT_LE(off.explanation.cost, best(phases, SimpleCosts(), Rotation::always).explanation.cost);
}

TEST(Rotation, EachPhaseIsCutForItself) {
  SimpleCosts costs;
  costs.adjust = [](const schedule::Workload& w, double seconds) {
    return w.one_row() ? sums_in_matmuls_up_to(2048).adjust(w, seconds) : seconds;
  };
  EXPECT_EQ(best(testing_models::phases({.dtype = graph::DType::f32}), costs, Rotation::automatic).explanation.rotated,
            (std::vector<bool>{true, false}));
}

TEST(Rotation, OnlyARepeatedSectionThatEndsWithASumHasAddends) {
  graph::Section body = testing_models::body(tiny_shape(graph::DType::f32), 3);
  const std::vector<graph::NodeId> addends = last_addends(body);
  ASSERT_EQ(addends.size(), 2U);
  EXPECT_EQ(addends, body.graph.node(body.graph.outputs()[0]).inputs);
  body.repeat = 1;
  EXPECT_TRUE(last_addends(body).empty());
  EXPECT_TRUE(last_addends(testing_models::head(tiny_shape(graph::DType::f32))).empty());
  body.repeat = 2;
  body.graph.set_outputs({addends[0]});
  EXPECT_FALSE(last_addends(body).empty());  // the sum behind attention
  body.graph.set_outputs({addends[1]});
  EXPECT_TRUE(last_addends(body).empty());
}

}  // namespace
}  // namespace nntune::extract
