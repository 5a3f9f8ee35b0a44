/// Random well-typed programs of the tensor language, small enough to be evaluated, odd enough to break rules: shapes that are
/// no multiple of any lanes, shared operands, constants where nobody expects them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "compiler/graph/graph.h"

namespace nntune::testing_models {

class RandomGraph {
 public:
  explicit RandomGraph(std::uint64_t seed);

  /// `steps` operations and the leaves that they need.
  [[nodiscard]] graph::Graph make(int steps);

 private:
  using NodeId = graph::NodeId;
  using TensorType = graph::TensorType;
  using Wanted = std::function<bool(const TensorType&)>;

  // The random choices are our own, because the standard distributions differ between libraries.
  [[nodiscard]] std::int64_t below(std::int64_t count) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(count));
  }
  [[nodiscard]] bool chance(int percent) { return below(100) < percent; }
  template <class Container>
  [[nodiscard]] auto one_of(const Container& items) {
    return items[static_cast<std::size_t>(below(std::ssize(items)))];
  }
  [[nodiscard]] std::int64_t divisor_of(std::int64_t size, std::int64_t multiple = 1);

  [[nodiscard]] const TensorType& type(NodeId id) const { return graph_.node(id).type; }
  std::optional<NodeId> add(graph::Op op, std::vector<NodeId> inputs = {});
  /// A node of this kind (constant or not) and type, a recent one rather than an old one; now and then, or if there is none,
  /// what `make` gives.
  std::optional<NodeId> choose(bool constant, const Wanted& wanted, const std::function<std::optional<NodeId>()>& make);

  std::optional<NodeId> input(TensorType type);
  std::optional<NodeId> weight(TensorType type);
  [[nodiscard]] graph::DType float_type() { return chance(60) ? graph::DType::f32 : graph::DType::bf16; }
  std::optional<NodeId> activation();
  std::optional<NodeId> activation_like(const TensorType& like);
  std::optional<NodeId> matrix(std::int64_t columns);
  /// A chain that fits what is of this type; its operands are added to the graph and appended to `operands`.
  graph::Chain chain(TensorType type, int most, std::vector<NodeId>& operands);

  void add_constant();
  void add_rowwise();
  void add_matmul();
  void add_gated();
  void add_attention();
  void add_cut();
  void add_packed();
  void add_neighbours(NodeId w);
  void add_slice(NodeId x);
  void add_stack();
  void add_shape();
  void turn(NodeId x);

  std::mt19937_64 random_;
  std::int64_t rows_ = 1;
  std::optional<NodeId> ids_;  // of all embeds
  std::size_t states_ = 0;
  graph::Graph graph_;
  std::vector<bool> constant_;  // by node
};

}  // namespace nntune::testing_models
