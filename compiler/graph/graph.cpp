#include "compiler/graph/graph.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace nntune::graph {

Expected<NodeId> Graph::add(Op op, std::vector<NodeId> inputs) {
  std::vector<TensorType> types;
  for (const NodeId input : inputs) {
    if (input < 0 || static_cast<std::size_t>(input) >= nodes_.size()) {
      return fail(ErrorKind::internal, fmt::format("{}: operand %{} is not in the graph yet", op.text(), input));
    }
    types.push_back(node(input).type);
  }
  NNTUNE_ASSIGN(TensorType type, infer_type(op, types));
  nodes_.push_back({std::move(op), std::move(inputs), std::move(type)});
  return static_cast<NodeId>(nodes_.size() - 1);
}

std::string Graph::text() const {
  std::string out;
  for (std::size_t id = 0; id < nodes_.size(); ++id) {
    const Node& node = nodes_[id];
    std::vector<std::string> names;
    for (const NodeId input : node.inputs) names.push_back(fmt::format("%{}", input));
    out += fmt::format("%{} = {}({}) : {}\n", id, node.op.text(), fmt::join(names, ", "), node.type.text());
  }
  std::vector<std::string> names;
  for (const NodeId output : outputs_) names.push_back(fmt::format("%{}", output));
  return out + fmt::format("return {}\n", fmt::join(names, ", "));
}

bool per_layer(std::string_view weight) { return weight.starts_with("layers.*."); }

Status check_sections(const Phase& phase) {
  const auto bad = [&](std::string what) {
    return fail(ErrorKind::bad_input, fmt::format("phase {}: {}", phase.name, what));
  };
  std::set<std::string> names;
  std::set<std::int64_t> layers;
  for (const Section& section : phase.sections) {
    if (!names.insert(section.name).second) return bad(fmt::format("two sections are named {}", section.name));
    if (section.repeat < 1 || section.first_layer < 0) {
      return bad(fmt::format("section {} runs {} layers from layer {}", section.name, section.repeat, section.first_layer));
    }
    const bool has_layers = std::ranges::any_of(section.graph.nodes(), [](const Node& node) {
      return (node.op.kind() == OpKind::weight && per_layer(node.op.leaf_name())) || node.op.kind() == OpKind::state;
    });
    if (!has_layers) continue;
    for (std::int64_t layer = section.first_layer; layer < section.first_layer + section.repeat; ++layer) {
      if (!layers.insert(layer).second) return bad(fmt::format("layer {} runs twice", layer));
    }
  }
  return {};
}

}  // namespace nntune::graph
