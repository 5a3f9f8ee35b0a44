#include "compiler/extract/layers.h"

#include <algorithm>
#include <iterator>

namespace nntune::extract {
namespace {

void add(Layers& layers, const graph::Section& section) {
  for (std::int64_t i = 0; i < section.repeat; ++i) {
    const auto place = std::ranges::lower_bound(layers, section.first_layer + i);
    if (place == layers.end() || *place != section.first_layer + i) layers.insert(place, section.first_layer + i);
  }
}

}  // namespace

LayerIndex::LayerIndex(std::span<const graph::Phase> phases) {
  for (const graph::Phase& phase : phases) {
    for (const graph::Section& section : phase.sections) {
      for (const graph::Node& node : section.graph.nodes()) {
        if (node.op.kind() == graph::OpKind::weight) {
          Layers& layers = weights_[node.op.leaf_name()];
          if (graph::per_layer(node.op.leaf_name())) add(layers, section);
        } else if (const auto state = graph::state_number(node.op)) {
          add(states_[*state], section);
        }
      }
    }
  }
}

void narrow(std::optional<Layers>& layers, const Layers& of_weight) {
  if (of_weight.empty()) return;
  if (!layers) {
    layers = of_weight;
    return;
  }
  Layers both;
  std::ranges::set_intersection(*layers, of_weight, std::back_inserter(both));
  layers = std::move(both);
}

}  // namespace nntune::extract
