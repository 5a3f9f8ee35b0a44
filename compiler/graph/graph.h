/// The tensor program of a model: a few small graphs; repeated layers are one body with a count.
#pragma once

#include <cstdint>
#include <span>
#include <string>
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

/// A graph that runs `repeat` times a step of its phase: the embedding (1), the body (layers), the head (1).
///
/// Inputs by name: "ids" i32[m] (embed), "x" f32[m, H] (body, head), "rope" f32[?, d] (the table of StepKind::rope),
/// "k_cache" and "v_cache" (body). Outputs: embed {x}; body {x}, whose caches are written by cache_append; head {logits,
/// argmax}. Weights named "layers.*.…" take the tensor of the layer that runs.
struct Section {
  std::string name;  ///< "embed", "body", "head"
  Graph graph;
  std::int64_t repeat = 1;
};

/// What runs for `rows` tokens at once: decode (1) or prefill (a bucket; fewer tokens run in the same program).
/// The head always runs on one row, the last one.
struct Phase {
  std::string name;  ///< "decode", "prefill"
  std::int64_t rows = 1;
  std::vector<Section> sections;
};

}  // namespace nntune::graph
