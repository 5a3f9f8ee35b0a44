// How states lie in memory is chosen with the kernels that read and write them.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "compiler/extract/extract.h"
#include "compiler/extract/pipeline.h"
#include "tests/compiler/extract/simple_costs.h"
#include "tests/compiler/rules/decoder_layer.h"

namespace nntune::extract {
namespace {

using graph::OpKind;
using testing_models::Shape;
using testing_models::SimpleCosts;

ExtractOptions options() {
  ExtractOptions result;
  result.rules.isa.avx2 = result.rules.isa.fma = result.rules.isa.f16c = true;
  return result;
}

const graph::TensorType& keys_of(const schedule::Workload& workload) {
  return workload.inputs[schedule::operand_map(workload.op()).w];
}

/// Seconds more for attention, by whether it is of one row and its keys are packed.
SimpleCosts costs(std::function<double(const schedule::Workload&)> more) {
  SimpleCosts result;
  result.adjust = [more = std::move(more)](const schedule::Workload& workload, double seconds) {
    return workload.op().kind() == OpKind::attention ? seconds + more(workload) : seconds;
  };
  return result;
}

Extraction best(const CostModel& costs, const ExtractOptions& how = options(), bool pipeline = false) {
  const auto phases = testing_models::phases(Shape{});
  auto result = pipeline ? extract_by_pipeline(phases, costs, how) : extract_explained(phases, costs, how);
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message());
  return result ? std::move(*result) : Extraction{};
}

/// The layouts in which kernels read or write state `number`.
std::set<std::string> layouts(const Program& program, std::size_t number) {
  std::set<std::string> result;
  for (const PhaseProgram& phase : program.phases) {
    for (const SectionProgram& section : phase.sections) {
      for (const KernelStep& step : section.steps) {
        for (std::size_t i = 0; i < step.inputs.size(); ++i) {
          const Value& value = step.inputs[i];
          if (value.kind == ValueKind::state && value.index == number)
            result.insert(graph::text(step.workload.inputs[i].lanes));
        }
      }
    }
  }
  return result;
}

bool packed_keys(const schedule::Workload& workload) { return keys_of(workload).packed(); }
bool one_row(const schedule::Workload& workload) { return workload.output.shape[0] == 1; }

TEST(States, KeysLieAsTheCheaperAttentionReadsThem) {
  for (const bool packed : {false, true}) {
    const Extraction e = best(costs([&](const auto& w) { return packed_keys(w) == packed ? 0 : 1e-3; }));
    EXPECT_EQ(layouts(e.program, 0), std::set<std::string>{packed ? "1:16" : ""});
    EXPECT_EQ(graph::text(e.program.states.at(0).type.lanes), packed ? "1:16" : "");
    ASSERT_EQ(e.explanation.states.size(), 2U);
    const StateDecision& keys = e.explanation.states[0];
    EXPECT_EQ(keys.number, 0U);
    ASSERT_TRUE(keys.runner_up);
    EXPECT_EQ(graph::text(keys.runner_up->lanes), packed ? "" : "1:16");
    // 28 layers of 128 decode steps and one prefill, each 1 ms longer.
    EXPECT_NEAR(keys.runner_up_seconds, 28 * 129 * 1e-3, 1e-6);
    EXPECT_FALSE(keys.workloads.empty());
    EXPECT_TRUE(std::ranges::any_of(keys.workloads, [&](const schedule::Workload& w) {
      return w.op().kind() == OpKind::attention && packed_keys(w) != packed;
    }));
    const StateDecision& values = e.explanation.states[1];
    EXPECT_FALSE(values.runner_up);  // this CPU has no dot over pairs
    EXPECT_FALSE(values.type.packed());
  }
}

TEST(States, PhasesThatDisagreeTakeWhatIsCheaperTogether) {
  // Decode runs 128 times: 1 us there outweighs 100 us in the one prefill, but not 200 us.
  for (const double prefill : {100e-6, 200e-6}) {
    const Extraction e = best(costs([&](const auto& w) {
      if (one_row(w)) return packed_keys(w) ? 0 : 1e-6;
      return packed_keys(w) ? prefill : 0;
    }));
    EXPECT_EQ(layouts(e.program, 0), std::set<std::string>{prefill < 128e-6 ? "1:16" : ""});
    EXPECT_NEAR(e.explanation.states.at(0).runner_up_seconds, 28 * std::abs(prefill - 128e-6), 1e-7);
  }
}

// What attention alone costs says nothing of the kernel that attention becomes part of.
TEST(States, TheFusedKernelsDecide) {
  const auto fused = [](const schedule::Workload& w) { return !w.op().prologue().empty(); };
  const Extraction e = best(costs([&](const auto& w) {
    if (!fused(w)) return packed_keys(w) ? 1e-3 : 2e-3;
    return packed_keys(w) ? 1e-3 : 0;
  }));
  EXPECT_EQ(layouts(e.program, 0), std::set<std::string>{""});
}

TEST(States, WithoutTheRulesTheyAreRowMajor) {
  ExtractOptions without = options();
  without.rules.disabled = {"state_layout"};
  const Extraction e = best(costs([&](const auto& w) { return packed_keys(w) ? 0 : 1e-3; }), without);
  EXPECT_EQ(layouts(e.program, 0), std::set<std::string>{""});
  ASSERT_EQ(e.explanation.states.size(), 2U);
  EXPECT_FALSE(e.explanation.states[0].runner_up);
}

TEST(States, APipelineOfRulesKeepsOneLayoutToo) {
  const Extraction e = best(costs([&](const auto& w) { return packed_keys(w) ? 0 : 1e-3; }), options(), true);
  EXPECT_EQ(layouts(e.program, 0), std::set<std::string>{"1:16"});
}

TEST(States, TypesThatDoNotAgreeAreRefused) {
  auto phases = testing_models::phases(Shape{});
  graph::Section& body = phases[1].sections[1];
  graph::Graph other;
  for (const graph::Node& node : body.graph.nodes()) {
    graph::Op op = node.op;
    if (const auto state = graph::state_number(op))
      op = graph::state(*state, {graph::DType::bf16, op.leaf_type().shape, {}});
    ASSERT_TRUE(other.add(op, node.inputs).has_value());
  }
  const auto outputs = body.graph.outputs();
  other.set_outputs({outputs.begin(), outputs.end()});
  body.graph = std::move(other);
  const auto result = extract_explained(phases, SimpleCosts(), options());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::bad_input);
  EXPECT_NE(result.error().message().find("state 0 is"), std::string::npos) << result.error().message();
}

}  // namespace
}  // namespace nntune::extract
