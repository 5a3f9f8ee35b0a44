#include "compiler/egraph/smallest_term.h"

#include <algorithm>

namespace nntune::egraph {

SmallestTerms::SmallestTerms(const EGraph& graph) : graph_(graph), keys_(graph.total_nodes()), nodes_(graph.total_nodes()) {
  // Sizes first (Bellman-Ford; they only fall), then the choice among the smallest nodes, operands before their users.
  for (bool changed = true; changed;) {
    changed = false;
    for (const ClassId id : graph.classes()) {
      for (const NodeId node : graph.nodes(id)) {
        if (const std::uint64_t size = size_of_node(node); size < keys_[id].size) {
          keys_[id].size = size;
          changed = true;
        }
      }
    }
  }
  std::vector<ClassId> order(graph.classes().begin(), graph.classes().end());
  std::stable_sort(order.begin(), order.end(), [this](ClassId a, ClassId b) { return keys_[a].size < keys_[b].size; });
  for (const ClassId id : order) {
    bool first = true;
    for (const NodeId node : graph.nodes(id)) {
      if (size_of_node(node) != keys_[id].size) {
        continue;
      }
      if (const Key candidate = key_of_node(node); first || candidate < keys_[id]) {
        keys_[id] = candidate;
        nodes_[id] = node;
        first = false;
      }
    }
  }
}

std::uint64_t SmallestTerms::size_of_node(NodeId node) const {
  // Saturating, as terms with sharing can be exponentially large.
  constexpr std::uint64_t kUnknown = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t size = 1;
  for (const ClassId child : graph_.children(node)) {
    const std::uint64_t more = keys_[graph_.find(child)].size;
    if (more == kUnknown) {
      return kUnknown;
    }
    size = std::min(size, kUnknown - 1 - more) + more;
  }
  return size;
}

SmallestTerms::Key SmallestTerms::key_of_node(NodeId node) const {
  std::string identity(graph_.text(node));
  identity += '\0';  // ends the operator, so that its text cannot run into a hash
  for (const ClassId child : graph_.children(node)) {
    const Hash128& hash = keys_[graph_.find(child)].hash;
    identity.append(reinterpret_cast<const char*>(&hash.high), sizeof(hash.high));
    identity.append(reinterpret_cast<const char*>(&hash.low), sizeof(hash.low));
  }
  return {size_of_node(node), hash128(identity)};
}

Sexpr SmallestTerms::term(ClassId id) const {
  const NodeId root = node(id);
  Sexpr result{std::string(graph_.text(root)), {}};
  for (const ClassId child : graph_.children(root)) {
    result.operands.push_back(term(child));
  }
  return result;
}

}  // namespace nntune::egraph
