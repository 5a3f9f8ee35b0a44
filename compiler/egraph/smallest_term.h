/// For each class its smallest term: a name for the class that does not depend on how the graph came about.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/hash.h"
#include "compiler/egraph/egraph.h"
#include "compiler/egraph/sexpr.h"

namespace nntune::egraph {

/// The smallest term of each class by number of operators, near-ties by text: the same for the same e-graph whatever the
/// numbers of its classes.
class SmallestTerms {
 public:
  /// Identity of a term: its size, then its operator and operands by hash.
  struct Key {
    std::uint64_t size = std::numeric_limits<std::uint64_t>::max();
    Hash128 hash = {};
    auto operator<=>(const Key&) const = default;
  };

  /// `graph` is clean and outlives this object unchanged.
  explicit SmallestTerms(const EGraph& graph);

  [[nodiscard]] const Key& key(ClassId id) const { return keys_[graph_.find(id)]; }
  /// The node at the root of the smallest term.
  [[nodiscard]] NodeId node(ClassId id) const { return nodes_[graph_.find(id)]; }
  [[nodiscard]] Sexpr term(ClassId id) const;
  /// Key of one node over the smallest terms of its operands.
  [[nodiscard]] Key key_of_node(NodeId node) const;

 private:
  [[nodiscard]] std::uint64_t size_of_node(NodeId node) const;

  const EGraph& graph_;
  std::vector<Key> keys_;
  std::vector<NodeId> nodes_;
};

}  // namespace nntune::egraph
