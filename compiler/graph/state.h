/// States: what a sequence keeps between steps, e.g. keys and values.
///
/// A state is a tensor of each layer with one run-time dimension, its tokens: [kv_heads, ?, d], or [?, d] where all heads share it.
/// States have numbers, the same in all phases of a model. cache_append writes them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "compiler/graph/graph.h"

namespace nntune::graph {

[[nodiscard]] Op state(std::size_t number, TensorType type);
/// What a state of this number is called where states stand beside inputs: "state0".
[[nodiscard]] std::string state_name(std::size_t number);
/// The state that `node` is, or is after something was written to it (cache_append), if any.
[[nodiscard]] std::optional<std::size_t> state_of(const Graph& graph, NodeId node);

}  // namespace nntune::graph
