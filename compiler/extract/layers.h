/// Which layers of a model have a tensor of a weight or a state: those of the sections that read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/graph/graph.h"

namespace nntune::extract {

/// Layers of a model, rising. What belongs to no layer, such as an embedding, has none.
using Layers = std::vector<std::int64_t>;

class LayerIndex {
 public:
  explicit LayerIndex(std::span<const graph::Phase> phases);

  [[nodiscard]] const Layers& of_weight(const std::string& name) const { return weights_.at(name); }
  [[nodiscard]] const Layers& of_state(std::size_t number) const { return states_.at(number); }

 private:
  std::map<std::string, Layers> weights_;
  std::map<std::size_t, Layers> states_;
};

/// Of what is computed from several weights: the layers that have them all. `layers` are those found so far, none before the
/// first weight that belongs to layers.
void narrow(std::optional<Layers>& layers, const Layers& of_weight);

}  // namespace nntune::extract
