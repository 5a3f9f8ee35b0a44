#include "compiler/extract/extract.h"
#include "compiler/extract/pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/compiler/extract/simple_costs.h"
#include "tests/compiler/rules/decoder_layer.h"

namespace nntune::extract {
namespace {

using testing_models::Shape;
using testing_models::SimpleCosts;

Isa avx512_bf16() {
  Isa isa;
  isa.avx2 = isa.fma = isa.f16c = true;
  isa.avx512f = isa.avx512bw = isa.avx512vl = isa.avx512dq = isa.avx512bf16 = true;
  return isa;
}

ExtractOptions options() { return {.rules = {.isa = avx512_bf16()}}; }

Extraction best(const Shape& shape, const CostModel& costs, const ExtractOptions& o = options()) {
  const auto phases = testing_models::phases(shape);
  auto result = extract_explained(phases, costs, o);
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message());
  return result ? std::move(*result) : Extraction{};
}

/// All kernels of a program, one a line.
std::string text(const Program& program) {
  std::string result;
  for (const PhaseProgram& phase : program.phases) {
    for (const SectionProgram& section : phase.sections) {
      for (const KernelStep& step : section.steps) {
        result += phase.name + " " + section.name + " " + step.workload.text() + "\n";
      }
    }
  }
  for (const StoredWeight& weight : program.weights) {
    result += weight.key + "\n";
  }
  return result;
}

TEST(Extract, EveryOperandIsMadeBeforeItIsRead) {
  const Extraction extraction = best(Shape{}, SimpleCosts());
  ASSERT_EQ(extraction.program.phases.size(), 2U);
  for (const PhaseProgram& phase : extraction.program.phases) {
    ASSERT_EQ(phase.sections.size(), 3U);
    for (const SectionProgram& section : phase.sections) {
      std::set<std::size_t> written;
      for (const KernelStep& step : section.steps) {
        ASSERT_EQ(step.inputs.size(), step.workload.inputs.size());
        for (std::size_t i = 0; i < step.inputs.size(); ++i) {
          const Value& value = step.inputs[i];
          if (value.kind == ValueKind::buffer) {
            EXPECT_EQ(written.count(value.index), 1U) << step.workload.text();
            EXPECT_FALSE(step.output.kind == ValueKind::buffer && step.output.index == value.index) << "written while read";
            const graph::TensorType& buffer = section.buffers[value.index];
            EXPECT_LE(value.column + step.workload.inputs[i].shape[1], buffer.shape[1]);
            EXPECT_EQ(step.workload.inputs[i].lanes, buffer.lanes);
            EXPECT_EQ(step.workload.inputs[i].dtype, buffer.dtype);
          } else if (value.kind == ValueKind::weight) {
            EXPECT_EQ(extraction.program.weights[value.index].type, step.workload.inputs[i]);
          }
        }
        if (step.output.kind == ValueKind::buffer) {
          EXPECT_EQ(section.buffers[step.output.index], step.workload.output);
          written.insert(step.output.index);
        } else {
          EXPECT_EQ(step.workload.op().kind(), graph::OpKind::cache_append);
          EXPECT_EQ(step.output.kind, ValueKind::state);
          EXPECT_EQ(step.output.index, step.inputs.back().index);
        }
      }
    }
  }
}

TEST(Extract, EachWeightIsStoredOnceForBothPhasesAndTheTiedHead) {
  for (const graph::DType dtype : {graph::DType::f32, graph::DType::bf16}) {
    const Extraction extraction = best(Shape{.dtype = dtype}, SimpleCosts());
    std::set<std::string> leaves;
    for (const StoredWeight& weight : extraction.program.weights) {
      for (const graph::Node& node : weight.recipe.nodes()) {
        if (node.op.kind() == graph::OpKind::weight && node.type.rank() == 2) {
          EXPECT_TRUE(leaves.insert(node.op.leaf_name()).second) << node.op.leaf_name() << " is stored twice";
        }
      }
      EXPECT_EQ(weight.recipe.node(weight.recipe.outputs().at(0)).type, weight.type);
      EXPECT_EQ(weight.layers.size(), weight.key.find("layers.*.") != std::string::npos ? 28U : 0U);
    }
    EXPECT_EQ(leaves.size(), 8U);  // q k v o gate up down embedding
  }
}

TEST(Extract, ObjectiveIsTheProgramsTimePrefillOnceDecode128Times) {
  const Extraction extraction = best(Shape{}, SimpleCosts());
  const auto& phases = extraction.program.phases;
  EXPECT_NEAR(extraction.explanation.objective_seconds, 128 * phases[0].seconds() + phases[1].seconds(), 1e-9);
  EXPECT_LE(extraction.explanation.objective_seconds, extraction.explanation.greedy_seconds * (1 + 1e-9));
}

TEST(Extract, PhasesOfOneNameAreEachCountedWithTheirOwnCalls) {
  auto phases = testing_models::phases(Shape{}, 128);
  phases.push_back(testing_models::phases(Shape{}, 512).at(1));
  const auto extraction = extract_explained(phases, SimpleCosts(), options());
  ASSERT_TRUE(extraction) << extraction.error().message();
  const auto& made = extraction->program.phases;
  ASSERT_EQ(made.size(), 3U);
  // Two prefills share 512 tokens: 2 calls of 128 rows, half a call of 512.
  const double expected = 128 * made[0].seconds() + 2 * made[1].seconds() + 0.5 * made[2].seconds();
  EXPECT_NEAR(extraction->explanation.objective_seconds, expected, 1e-9);
}

TEST(Extract, ACapacityBetweenOneLayoutAndTwoTakesOne) {
  // Decode likes panels of 16 outputs, prefill panels of 32, and bytes are free.
  SimpleCosts costs;
  costs.adjust = [](const schedule::Workload& w, double seconds) {
    if (w.op().kind() != graph::OpKind::matmul) return seconds;
    const auto map = schedule::operand_map(w.op());
    const double liked = w.inputs[map.x].shape[0] == 1 ? 16 : 32;
    return w.inputs[map.w].packed() && w.inputs[map.w].lanes[0].count != liked ? 2 * seconds : seconds;
  };
  ExtractOptions free_bytes = options();
  free_bytes.stored_byte_seconds = 0;
  const Extraction twice = best(Shape{}, costs, free_bytes);
  ExtractOptions least = free_bytes;
  least.smallest = true;
  const Extraction once = best(Shape{}, costs, least);
  EXPECT_GT(twice.explanation.stored_bytes, 1.8 * once.explanation.stored_bytes);

  ExtractOptions between = free_bytes;
  between.stored_bytes_capacity = 1.2 * once.explanation.stored_bytes;
  const Extraction limited = best(Shape{}, costs, between);
  EXPECT_LE(limited.explanation.stored_bytes, between.stored_bytes_capacity);
  EXPECT_LE(limited.explanation.objective_seconds, once.explanation.objective_seconds * (1 + 1e-9));
  EXPECT_GT(limited.explanation.objective_seconds, twice.explanation.objective_seconds);

  between.stored_bytes_capacity = 0.99 * once.explanation.stored_bytes;
  const auto phases = testing_models::phases(Shape{});
  const auto none = extract(phases, costs, between);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::infeasible);
}

TEST(Extract, TwiceGivesTheSameProgram) {
  EXPECT_EQ(text(best(Shape{}, SimpleCosts()).program), text(best(Shape{}, SimpleCosts()).program));
}

TEST(Extract, OrderOfRulesDoesNotChangeTheProgram) {
  const Extraction expected = best(Shape{}, SimpleCosts());
  for (const unsigned seed : {1U, 2U, 3U}) {
    ExtractOptions permuted = options();
    permuted.rules.order_seed = seed;
    const Extraction actual = best(Shape{}, SimpleCosts(), permuted);
    EXPECT_EQ(actual.explanation.objective_seconds, expected.explanation.objective_seconds) << "seed " << seed;
    EXPECT_EQ(text(actual.program), text(expected.program)) << "seed " << seed;
  }
}

TEST(Extract, ALayerHasDozensOfPrograms) { EXPECT_GT(best(Shape{}, SimpleCosts()).explanation.programs, 100); }

TEST(Extract, EachFamilyChangesTheProgramAndHelps) {
  for (const graph::DType dtype : {graph::DType::f32, graph::DType::bf16}) {
    ExtractOptions all = options();
    all.rules.allow_weight_rounding = true;
    const Extraction full = best(Shape{.dtype = dtype}, SimpleCosts(), all);
    for (const char* family : {"merge", "norm_fold", "fusion", "activation_layout"}) {
      ExtractOptions without = all;
      without.rules.disabled = {family};
      const Extraction ablated = best(Shape{.dtype = dtype}, SimpleCosts(), without);
      EXPECT_NE(text(ablated.program), text(full.program)) << family;
      EXPECT_GT(ablated.explanation.objective_seconds, full.explanation.objective_seconds) << family;
    }
  }
}

TEST(Extract, AFixedPipelineFindsNoCheaperProgram) {
  for (const graph::DType dtype : {graph::DType::f32, graph::DType::bf16}) {
    const auto phases = testing_models::phases(Shape{.dtype = dtype});
    const auto pipeline = extract_by_pipeline(phases, SimpleCosts(), options());
    ASSERT_TRUE(pipeline.has_value()) << pipeline.error().message();
    const Extraction full = best(Shape{.dtype = dtype}, SimpleCosts());
    EXPECT_GE(pipeline->explanation.objective_seconds, full.explanation.objective_seconds * (1 - 1e-9));
    // It is a real compiler, too: far better than no fusion.
    ExtractOptions unfused = options();
    unfused.rules.disabled = {"fusion"};
    EXPECT_LT(pipeline->explanation.objective_seconds,
              best(Shape{.dtype = dtype}, SimpleCosts(), unfused).explanation.objective_seconds);
  }
}

TEST(Extract, AFixedPipelineTakesASlowKernelRatherThanNone) {
  SimpleCosts costs;
  costs.adjust = [](const schedule::Workload&, double seconds) { return 1000 * seconds; };  // as on a busy machine
  const auto phases = testing_models::phases(Shape{.dtype = graph::DType::bf16});
  const auto pipeline = extract_by_pipeline(phases, costs, options());
  EXPECT_TRUE(pipeline.has_value()) << pipeline.error().message();
}

TEST(Extract, WithoutWeightLayoutsThereIsNoProgram) {
  ExtractOptions without = options();
  without.rules.disabled = {"weight_layout"};
  const auto phases = testing_models::phases(Shape{});
  const auto result = extract(phases, SimpleCosts(), without);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::infeasible);
}

TEST(Extract, ARunTimeSliceOfRowsIsNoViewOfColumns) {
  using graph::OpKind;
  for (const int axis : {0, 1}) {
    testing_models::Maker g;
    const auto x = g.chain("rms(1e-06,0)", {g.input("x", graph::DType::f32, {32, 32})});
    const auto part = g(graph::Slice{.begin = 8, .end = 16, .axis = axis}, {x});
    g.graph.set_outputs({g.chain("rms(1e-06,0)", {part})});
    const graph::Phase phase{"prefill", 32, {{"body", std::move(g.graph), 1}}};
    const auto result = extract({&phase, 1}, SimpleCosts(), options());
    if (axis == 1) {
      ASSERT_TRUE(result.has_value()) << result.error().message();
      EXPECT_EQ(result->phases[0].sections[0].steps.at(1).inputs.at(0).column, 8);
    } else {
      ASSERT_FALSE(result.has_value());
      EXPECT_EQ(result.error().kind, ErrorKind::infeasible);
    }
  }
}

TEST(Extract, UnknownFamilyIsNamed) {
  ExtractOptions wrong = options();
  wrong.rules.disabled = {"merging"};
  const auto phases = testing_models::phases(Shape{});
  const auto result = extract(phases, SimpleCosts(), wrong);
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().message().find("\"merging\""), std::string::npos);
  EXPECT_NE(result.error().message().find("norm_fold"), std::string::npos);
}

TEST(Extract, ExplainsTheRunnerUpOfEachKernelAndLayout) {
  const Extraction extraction = best(Shape{}, SimpleCosts());
  const Explanation& e = extraction.explanation;
  std::size_t steps = 0;
  for (const PhaseProgram& phase : extraction.program.phases) {
    for (const SectionProgram& section : phase.sections) {
      steps += section.steps.size();
    }
  }
  EXPECT_EQ(e.decisions.size(), steps);
  double seconds = 0;
  for (const Decision& decision : e.decisions) {
    seconds += decision.cost.seconds * decision.calls;
    EXPECT_EQ(decision.alternatives == 0, decision.runner_up.empty()) << decision.chosen.text();
    EXPECT_GE(decision.runner_up_seconds, -1e-9) << "a better choice was known: " << decision.chosen.text();
  }
  EXPECT_NEAR(seconds, e.objective_seconds, 1e-9);
  std::size_t matrices = 0;
  for (const LayoutDecision& layout : e.layouts) {
    ++matrices;
    EXPECT_NE(layout.runner_up, layout.weight);
    EXPECT_FALSE(layout.runner_up.empty()) << layout.weight;
    EXPECT_FALSE(layout.workloads.empty()) << layout.weight;
    EXPECT_GE(layout.runner_up_seconds, -1e-6 * e.objective_seconds) << layout.weight;
  }
  EXPECT_EQ(matrices, 5U);  // qkv, o, gate/up, down, embedding
}

TEST(Extract, CostsDecide) {
  // A machine on which merging q/k/v hurts: wide outputs are slow.
  SimpleCosts costs;
  costs.adjust = [](const schedule::Workload& w, double seconds) {
    return w.op().kind() == graph::OpKind::matmul && w.output.shape[1] == 4096 ? 10 * seconds : seconds;
  };
  const std::string merged = text(best(Shape{}, SimpleCosts()).program);
  const std::string apart = text(best(Shape{}, costs).program);
  EXPECT_NE(merged.find("->f32[1,4096]"), std::string::npos);
  EXPECT_EQ(apart.find("->f32[1,4096]"), std::string::npos);
}

}  // namespace
}  // namespace nntune::extract
