/// The tensor program of a model: a few small graphs; repeated layers are one body with a count.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "compiler/graph/op.h"

namespace nntune::graph {

using NodeId = std::int32_t;

struct Node {
  Op op;
  std::vector<NodeId> inputs;
  TensorType type;
};

/// Nodes in topological order, added through `add`, which checks types.
class Graph {
 public:
  [[nodiscard]] Expected<NodeId> add(Op op, std::vector<NodeId> inputs = {});
  [[nodiscard]] const Node& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] std::span<const Node> nodes() const { return nodes_; }
  [[nodiscard]] const std::vector<NodeId>& outputs() const { return outputs_; }
  void set_outputs(std::vector<NodeId> outputs) { outputs_ = std::move(outputs); }
  /// One line a node: "%3 = matmul{;}(%1, %2) : f32[1,4096]".
  [[nodiscard]] std::string text() const;

 private:
  std::vector<Node> nodes_;
  std::vector<NodeId> outputs_;
};

/// A graph that runs `repeat` times a step of its phase: the embedding (1), bodies (a number of layers each), the head (1).
///
/// Inputs by name: "ids" i32[m] (embed), "x" f32[m, H] (bodies, head), "rope" f32[?, d] (the table of StepKind::rope), and states
/// (state.h). Outputs: embed {x}; bodies {x, the states they write}; head {logits, argmax}. Weights named "layers.*.…" and
/// states take the tensor of the layer that runs: first_layer, first_layer + 1, ...
struct Section {
  std::string name;  ///< of this one alone in its phase: "embed", "body", "head"
  Graph graph;
  std::int64_t repeat = 1;
  std::int64_t first_layer = 0;
};

/// What runs for `rows` tokens at once: decode (1) or prefill (a bucket; fewer tokens run in the same program).
/// The sections run in order; the last one is the head, which always runs on one row, the last one.
struct Phase {
  std::string name;  ///< "decode", "prefill"
  std::int64_t rows = 1;
  std::vector<Section> sections;
};

/// Whether a weight of this name is one tensor of each layer: "layers.*.…".
[[nodiscard]] bool per_layer(std::string_view weight);

/// Why these sections are no program (a name twice, layers below 0, a layer that runs twice).
[[nodiscard]] Status check_sections(const Phase& phase);

}  // namespace nntune::graph
