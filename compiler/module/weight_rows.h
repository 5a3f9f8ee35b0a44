/// Rows of a stored weight, computed from the model's tensors without ever holding a whole matrix.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/error.h"
#include "compiler/graph/graph.h"
#include "compiler/import/weights.h"

namespace nntune::module {

/// Evaluates the recipe of a StoredWeight (weight, rowwise{scale|add|cast|pack}, slice, concat, interleave,
/// transpose, reshape, pack, unpack) by rows. Packing changes no value here: rows are logical ones. The same values as compiler/reference computes.
class WeightRows {
 public:
  /// \param recipe  one output; must live as long as this object
  /// \return unsupported if the recipe holds another operation
  [[nodiscard]] static Expected<WeightRows> create(const graph::Graph& recipe, const import::WeightSource& source,
                                                   std::int64_t layer);

  /// Rows first .. first+count of the result (a vector is one row), dense, rounded to its dtype. Thread-safe.
  [[nodiscard]] Status read(std::int64_t first, std::int64_t count, float* out) const;

  /// Each call reads a whole matrix: better ask for many rows at once.
  [[nodiscard]] static bool reads_whole_matrix(const graph::Graph& recipe);

 private:
  WeightRows(const graph::Graph& recipe, const import::WeightSource& source, std::int64_t layer)
      : recipe_(&recipe), source_(&source), layer_(layer), vectors_(recipe.nodes().size()) {}

  [[nodiscard]] Status check() const;
  [[nodiscard]] Status read_vectors();
  [[nodiscard]] Status read_node(graph::NodeId id, std::int64_t first, std::int64_t count, float* out) const;
  [[nodiscard]] Status read_rowwise(const graph::Node& node, std::int64_t first, std::int64_t count, float* out) const;
  [[nodiscard]] Status read_slice(const graph::Node& node, std::int64_t first, std::int64_t count, float* out) const;
  [[nodiscard]] Status read_transpose(const graph::Node& node, std::int64_t first, std::int64_t count, float* out) const;
  [[nodiscard]] Status read_reshape(const graph::Node& node, std::int64_t first, std::int64_t count, float* out) const;
  [[nodiscard]] Status read_stack(const graph::Node& node, std::int64_t first, std::int64_t count, float* out) const;

  const graph::Graph* recipe_;
  const import::WeightSource* source_;
  std::int64_t layer_;
  std::vector<std::vector<float>> vectors_;  ///< by node: operands of scale, read once
};

}  // namespace nntune::module
