/// The tensors of a model: nntune's names, how a Hugging Face folder calls them, and their shapes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/graph/graph.h"
#include "compiler/import/config.h"

namespace nntune::import {

/// What a tensor is for; a vector is never cast to the type of the matrices.
enum class WeightRole {
  matrix,
  norm,  ///< a vector of factors
  bias,  ///< a vector of addends
};

/// One tensor of the model, or one of each layer.
struct WeightSpec {
  std::string name;  ///< in graphs, e.g. "embed_tokens"; of a layer "layers.*.q_proj"
  std::string
      stored;  ///< in a folder, e.g. "model.embed_tokens.weight"; of a layer "model.layers.*.self_attn.q_proj.weight"
  std::vector<std::int64_t> shape;
  WeightRole role = WeightRole::matrix;

  [[nodiscard]] bool per_layer() const { return graph::per_layer(name); }
  [[nodiscard]] std::int64_t rows() const { return shape.size() == 1 ? 1 : shape[0]; }
  [[nodiscard]] std::int64_t columns() const { return shape.back(); }
  /// With the layer's number in place of the star.
  [[nodiscard]] std::string stored_name(std::int64_t layer) const;
};

struct WeightList {
  std::vector<WeightSpec> tensors;  ///< all that the graphs read, in the order of use
  /// What a folder may hold beside them: copies by their stored names, and tables that are made anew by how those end.
  std::vector<std::string> unread;
  std::vector<std::string> unread_endings;

  /// nullptr if there is none.
  [[nodiscard]] const WeightSpec* find(std::string_view name) const;
};

/// The list of the model's family for this model.
[[nodiscard]] WeightList weight_list(const ModelConfig& config);

/// Number of weights of the model.
[[nodiscard]] std::int64_t parameter_count(const ModelConfig& config);

}  // namespace nntune::import
