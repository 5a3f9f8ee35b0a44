#include "compiler/graph/graph.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

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

}  // namespace nntune::graph
