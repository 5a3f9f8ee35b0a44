/// Runs sections of extracted programs by the reference evaluator.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/hash.h"
#include "compiler/extract/program.h"
#include "compiler/graph/state.h"
#include "compiler/reference/evaluate.h"
#include "compiler/reference/random.h"

namespace nntune::testing_models {

/// Leaves have random values by their names; caches have room for kCapacity tokens, kPast of them old.
using Tensor = reference::HostTensor<double>;
inline constexpr std::int64_t kCapacity = 16;
inline constexpr std::int64_t kPast = 3;

inline Tensor random_leaf(const graph::Op& op) {
  graph::TensorType type = op.leaf_type();
  std::replace(type.shape.begin(), type.shape.end(), graph::kRunTime, kCapacity);
  return reference::random_tensor<double>(type, hash128(op.leaf_name()).low, type.dtype == graph::DType::i32 ? 8 : 1);
}

/// Random tensors for the inputs (with the states) or the weights of a graph, by name.
inline std::map<std::string, Tensor> leaves(const graph::Graph& graph, graph::OpKind kind) {
  std::map<std::string, Tensor> result;
  for (const graph::Node& node : graph.nodes()) {
    const auto state = graph::state_number(node.op);
    if (state && kind == graph::OpKind::input) result.emplace(graph::state_name(*state), random_leaf(node.op));
    if (node.op.kind() == kind) result.emplace(node.op.leaf_name(), random_leaf(node.op));
  }
  return result;
}

inline reference::WeightLookup<double> lookup(const std::map<std::string, Tensor>& weights) {
  return [&weights](const std::string& name) -> Expected<const Tensor*> { return &weights.at(name); };
}

/// Columns from `column` of a wider tensor, or the tensor itself.
inline Tensor view(const Tensor& tensor, std::int64_t column, const graph::TensorType& type) {
  if (type.rank() != 2 || type.shape[0] == graph::kRunTime || tensor.type.shape == type.shape) {
    return tensor;
  }
  Tensor result(type);
  for (std::int64_t row = 0; row < type.shape[0]; ++row) {
    std::copy_n(tensor.row(row) + column, type.shape[1], result.row(row));
  }
  return result;
}

inline std::vector<Tensor> execute(const extract::SectionProgram& section, const std::vector<Tensor>& weights,
                                   std::map<std::string, Tensor> inputs) {
  std::vector<Tensor> buffers(section.buffers.size());
  const auto read = [&](const extract::Value& value) -> const Tensor& {
    switch (value.kind) {
      case extract::ValueKind::input: return inputs.at(value.input);
      case extract::ValueKind::state: return inputs.at(graph::state_name(value.index));
      case extract::ValueKind::weight: return weights.at(value.index);
      case extract::ValueKind::buffer: break;
    }
    return buffers.at(value.index);
  };
  for (const extract::KernelStep& step : section.steps) {
    std::vector<Tensor> operands;
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
      operands.push_back(view(read(step.inputs[i]), step.inputs[i].column, step.workload.inputs[i]));
    }
    auto result = reference::evaluate<double>(step.workload.op(), std::span<const Tensor>(operands), {.past = kPast});
    EXPECT_TRUE(result.has_value()) << step.workload.text() << ": " << (result ? "" : result.error().message());
    if (!result) {
      return {};
    }
    const bool in_place = step.output.kind == extract::ValueKind::state;
    (in_place ? inputs.at(graph::state_name(step.output.index)) : buffers.at(step.output.index)) = std::move(*result);
  }
  std::vector<Tensor> outputs;
  for (const extract::Value& value : section.outputs) {
    outputs.push_back(read(value));
  }
  return outputs;
}

/// The weights of `program` as its kernels read them, from those of the graphs.
inline std::vector<Tensor> stored_weights(const extract::Program& program, const std::map<std::string, Tensor>& sources) {
  std::vector<Tensor> weights;
  for (const extract::StoredWeight& weight : program.weights) {
    auto made = reference::evaluate_graph<double>(weight.recipe, {}, lookup(sources));
    EXPECT_TRUE(made.has_value()) << weight.key << ": " << (made ? "" : made.error().message());
    if (!made) return {};
    EXPECT_EQ(made->at(0).type, weight.type);
    weights.push_back(std::move(made->at(0)));
  }
  return weights;
}

}  // namespace nntune::testing_models
