#include "compiler/egraph/smallest_term.h"

#include <algorithm>

namespace nntune::egraph {

SmallestTerms::SmallestTerms(const EGraph& graph) : graph_(graph), keys_(graph.total_nodes()), nodes_(graph.total_nodes()) {
  // Bellman-Ford; keys only fall, and a term is larger than its operands, so this ends at the unique least solution.
  for (bool changed = true; changed;) {
    changed = false;
    for (const ClassId id : graph.classes()) {
      for (const NodeId node : graph.nodes(id)) {
        if (const Key candidate = key_of_node(node); candidate < keys_[id]) {
          keys_[id] = candidate;
          nodes_[id] = node;
          changed = true;
        }
      }
    }
  }
}

SmallestTerms::Key SmallestTerms::key_of_node(NodeId node) const {
  Key result{1, {}};
  std::string identity(graph_.text(node));
  identity += '\0';  // ends the operator, so that its text cannot run into a hash
  for (const ClassId child : graph_.children(node)) {
    const Key& key = keys_[graph_.find(child)];
    if (key.size == std::numeric_limits<std::uint64_t>::max()) {
      return {};
    }
    // Saturating, as terms with sharing can be exponentially large.
    result.size = std::min(result.size + key.size, std::numeric_limits<std::uint64_t>::max() - 1);
    identity.append(reinterpret_cast<const char*>(&key.hash.high), sizeof(key.hash.high));
    identity.append(reinterpret_cast<const char*>(&key.hash.low), sizeof(key.hash.low));
  }
  result.hash = hash128(identity);
  return result;
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
