#include "compiler/graph/state.h"

#include <fmt/format.h>

#include <utility>

namespace nntune::graph {

Op state(std::size_t number, TensorType type) { return State{std::to_string(number), std::move(type)}; }

std::string state_name(std::size_t number) { return fmt::format("state{}", number); }

std::optional<std::size_t> state_of(const Graph& graph, NodeId node) {
  while (graph.node(node).op.traits().in_place) node = graph.node(node).inputs.back();
  return state_number(graph.node(node).op);
}

}  // namespace nntune::graph
