// Runs extracted programs by the reference evaluator and compares them with the plain graph they were made from.
#include "compiler/extract/lower.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/hash.h"
#include "compiler/extract/extract.h"
#include "compiler/extract/pipeline.h"
#include "compiler/reference/evaluate.h"
#include "compiler/reference/random.h"
#include "tests/compiler/extract/simple_costs.h"
#include "tests/compiler/rules/qwen3_layer.h"

namespace nntune::extract {
namespace {

using Tensor = reference::HostTensor<double>;
constexpr std::int64_t kCapacity = 16;
constexpr std::int64_t kPast = 3;

Tensor random_leaf(const graph::Op& op) {
  graph::TensorType type = op.type;
  std::replace(type.shape.begin(), type.shape.end(), graph::kRunTime, kCapacity);
  return reference::random_tensor<double>(type, hash128(op.name).low, type.dtype == graph::DType::i32 ? 8 : 1);
}

/// Random tensors for the inputs or the weights of a graph, by name.
std::map<std::string, Tensor> leaves(const graph::Graph& graph, graph::OpKind kind) {
  std::map<std::string, Tensor> result;
  for (const graph::Node& node : graph.nodes()) {
    if (node.op.kind == kind) {
      result.emplace(node.op.name, random_leaf(node.op));
    }
  }
  return result;
}

reference::WeightLookup<double> lookup(const std::map<std::string, Tensor>& weights) {
  return [&weights](const std::string& name) -> Expected<const Tensor*> { return &weights.at(name); };
}

/// Columns from `column` of a wider tensor, or the tensor itself.
Tensor view(const Tensor& tensor, std::int64_t column, const graph::TensorType& type) {
  if (type.rank() != 2 || type.shape[0] == graph::kRunTime || tensor.type.shape == type.shape) {
    return tensor;
  }
  Tensor result(type);
  for (std::int64_t row = 0; row < type.shape[0]; ++row) {
    std::copy_n(tensor.row(row) + column, type.shape[1], result.row(row));
  }
  return result;
}

std::vector<Tensor> execute(const SectionProgram& section, const std::vector<Tensor>& weights,
                            std::map<std::string, Tensor> inputs) {
  std::vector<Tensor> buffers(section.buffers.size());
  const auto read = [&](const Value& value) -> const Tensor& {
    switch (value.kind) {
      case ValueKind::input: return inputs.at(value.input);
      case ValueKind::weight: return weights.at(value.index);
      case ValueKind::buffer: break;
    }
    return buffers.at(value.index);
  };
  for (const KernelStep& step : section.steps) {
    std::vector<Tensor> operands;
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
      operands.push_back(view(read(step.inputs[i]), step.inputs[i].column, step.workload.inputs[i]));
    }
    auto result = reference::evaluate<double>(step.workload.op, std::span<const Tensor>(operands), {.past = kPast});
    EXPECT_TRUE(result.has_value()) << step.workload.text() << ": " << (result ? "" : result.error().message());
    if (!result) {
      return {};
    }
    (step.output.kind == ValueKind::input ? inputs.at(step.output.input) : buffers.at(step.output.index)) =
        std::move(*result);
  }
  std::vector<Tensor> outputs;
  for (const Value& value : section.outputs) {
    outputs.push_back(read(value));
  }
  return outputs;
}

struct Case {
  const char* name;
  graph::DType dtype;
  std::set<std::string> disabled;
  double best_panel;
  double tolerance;
  bool pipeline = false;
};

std::ostream& operator<<(std::ostream& out, const Case& item) { return out << item.name; }

class Lower : public testing::TestWithParam<Case> {};

TEST_P(Lower, ProgramComputesWhatTheGraphSays) {
  const auto shape = testing_models::tiny_shape(GetParam().dtype);
  const auto phases = testing_models::phases(shape, 5);
  testing_models::SimpleCosts costs;
  costs.best_panel = GetParam().best_panel;
  ExtractOptions options;
  options.rules.isa.avx2 = options.rules.isa.fma = options.rules.isa.avx512bf16 = true;
  options.rules.disabled = GetParam().disabled;
  const auto extraction =
      GetParam().pipeline ? extract_by_pipeline(phases, costs, options) : extract_explained(phases, costs, options);
  ASSERT_TRUE(extraction.has_value()) << extraction.error().message();
  const Program* program = &extraction->program;

  std::map<std::string, Tensor> sources;
  for (const graph::Phase& phase : phases) {
    for (const graph::Section& section : phase.sections) {
      sources.merge(leaves(section.graph, graph::OpKind::weight));
    }
  }
  std::vector<Tensor> weights;
  for (const StoredWeight& weight : program->weights) {
    auto made = reference::evaluate_graph<double>(weight.recipe, {}, lookup(sources));
    ASSERT_TRUE(made.has_value()) << made.error().message();
    EXPECT_EQ(made->at(0).type, weight.type);
    weights.push_back(std::move(made->at(0)));
  }
  for (std::size_t p = 0; p < phases.size(); ++p) {
    for (std::size_t s = 0; s < phases[p].sections.size(); ++s) {
      const graph::Graph& graph = phases[p].sections[s].graph;
      const auto inputs = leaves(graph, graph::OpKind::input);
      const auto expected = reference::evaluate_graph<double>(graph, inputs, lookup(sources), {.past = kPast});
      ASSERT_TRUE(expected.has_value()) << expected.error().message();
      const std::vector<Tensor> actual = execute(program->phases[p].sections[s], weights, inputs);
      ASSERT_EQ(actual.size(), expected->size());
      for (std::size_t i = 0; i < actual.size(); ++i) {
        ASSERT_EQ(actual[i].values.size(), (*expected)[i].values.size());
        const bool index = actual[i].type.dtype == graph::DType::i32;  // argmax: rounding may change it
        for (std::size_t j = 0; j < actual[i].values.size() && !(index && GetParam().tolerance > 1e-6); ++j) {
          const double want = (*expected)[i].values[j];
          ASSERT_NEAR(actual[i].values[j], want, GetParam().tolerance * std::max(1.0, std::abs(want)))
              << phases[p].name << " " << phases[p].sections[s].name << " output " << i;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, Lower,
                         testing::Values(Case{"F32", graph::DType::f32, {}, 16, 1e-9},
                                         Case{"F32OtherPanels", graph::DType::f32, {}, 32, 1e-9},
                                         Case{"F32NotMerged", graph::DType::f32, {"merge"}, 16, 1e-9},
                                         Case{"F32NotFused", graph::DType::f32, {"fusion"}, 16, 1e-9},
                                         Case{"F32NormNotFolded", graph::DType::f32, {"norm_fold"}, 16, 1e-9},
                                         Case{"F32ActivationsNotPacked", graph::DType::f32, {"activation_layout"}, 16, 1e-9},
                                         Case{"F32ByPipeline", graph::DType::f32, {}, 16, 1e-9, true},
                                         Case{"F32ByPipelineNotFused", graph::DType::f32, {"fusion"}, 16, 1e-9, true},
                                         Case{"Bf16", graph::DType::bf16, {}, 16, 0.25},
                                         Case{"Bf16ByPipeline", graph::DType::bf16, {}, 16, 0.25, true}),
                         [](const testing::TestParamInfo<Case>& item) { return item.param.name; });

}  // namespace
}  // namespace nntune::extract
