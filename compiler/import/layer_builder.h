/// Graphs of models, written as their mathematics.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "compiler/graph/graph.h"
#include "compiler/import/config.h"
#include "compiler/import/phases.h"
#include "compiler/import/weight_list.h"

namespace nntune::import {

/// Adds nodes to one section; the first failure is kept and ends it.
class SectionBuilder {
 public:
  /// Matrices have `weight_dtype`, vectors and activations f32.
  SectionBuilder(const ModelConfig& config, graph::DType weight_dtype);

  graph::NodeId add(graph::Op op, std::vector<graph::NodeId> inputs = {});
  graph::NodeId input(std::string_view name, graph::DType dtype, std::vector<std::int64_t> shape);
  /// A tensor of the model's weight list.
  graph::NodeId weight(std::string_view name);
  graph::NodeId rowwise(graph::Step step, std::vector<graph::NodeId> inputs);

  /// x times the transposed matrix `name`.
  graph::NodeId matmul(graph::NodeId x, std::string_view name);
  /// RMSNorm over the whole row, times the vector `name`.
  graph::NodeId norm(graph::NodeId x, std::string_view name);
  /// The same over each head.
  graph::NodeId head_norm(graph::NodeId x, std::string_view name);
  /// x plus the vector `name`.
  graph::NodeId bias(graph::NodeId x, std::string_view name);
  graph::NodeId sum(graph::NodeId a, graph::NodeId b);

  [[nodiscard]] Expected<graph::Section> finish(std::string_view name, std::int64_t repeat,
                                                std::vector<graph::NodeId> outputs);

 protected:
  [[nodiscard]] const ModelConfig& config() const { return config_; }
  void set_error(Status status);

 private:
  graph::NodeId norm_over(graph::NodeId x, std::int64_t group, std::string_view name);

  const ModelConfig& config_;
  WeightList weights_;
  graph::DType weight_dtype_;
  graph::Graph graph_;
  Status status_;
};

/// The section of a repeated layer: its inputs are x and the rotary table, its states keys (0) and values (1).
class LayerBuilder : public SectionBuilder {
 public:
  LayerBuilder(const ModelConfig& config, graph::DType weight_dtype, std::int64_t rows);

  [[nodiscard]] graph::NodeId x() const { return x_; }
  /// Rotary embedding of each head.
  graph::NodeId rope(graph::NodeId x);
  /// Causal attention of q [rows, heads*d] to k and v [rows, kv_heads*d], which are appended to the caches first. Once a layer.
  graph::NodeId attention(graph::NodeId q, graph::NodeId k, graph::NodeId v);
  /// down(silu(gate x) * up x)
  graph::NodeId gated_mlp(graph::NodeId x, std::string_view gate, std::string_view up, std::string_view down);

  /// \param x  the residual stream behind the layer
  [[nodiscard]] Expected<graph::Section> finish_layer(std::string_view name, std::int64_t repeat, graph::NodeId x);

 private:
  graph::NodeId x_, rope_table_, k_cache_, v_cache_;
  std::vector<graph::NodeId> new_caches_ = {};
};

}  // namespace nntune::import
