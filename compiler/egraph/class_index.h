/// What matching reads: the nodes of each class and the classes with each symbol, as of the last rebuild.
///
/// The nodes of a class lie together, in groups of one symbol and arity, and so do copies of their operands: matching walks
/// through consecutive memory. Within a symbol, nodes that are new to their class or have new operands since the index before
/// stand first, so that a search can tell matches that the search before has already found (`Pattern::search`).
#pragma once

#include <span>

#include "compiler/egraph/analysis.h"
#include "compiler/egraph/flat_array.h"
#include "compiler/egraph/symbol.h"

namespace nntune::egraph {

struct ClassIndex {
  struct Group {
    Symbol symbol;
    std::uint32_t arity;
    std::uint32_t first_node;     ///< in `nodes`; the next group's is the end
    std::uint32_t first_operand;  ///< in `operands`; those of node k of the group begin at first_operand + k * arity
    std::uint32_t fresh;          ///< so many nodes at the front are new
  };
  /// Lists of classes in one array: that of key k is values[begin[k]] .. values[begin[k + 1]].
  struct Lists {
    FlatArray<std::uint32_t> begin;
    FlatArray<ClassId> values;

    [[nodiscard]] std::span<const ClassId> at(std::size_t key) const {
      return key + 1 < begin.size() ? values.part(begin[key], begin[key + 1] - begin[key]) : std::span<const ClassId>();
    }
  };

  FlatArray<ClassId> classes;            ///< ascending
  FlatArray<std::uint32_t> first_group;  ///< by class, one more at the end
  FlatArray<Group> groups;               ///< one more at the end
  FlatArray<NodeId> nodes;
  FlatArray<ClassId> operands;
  Lists classes_of_symbol;
  Lists classes_of_head;  ///< empty if no symbol differs from its head
  ClassId first_new = 0;  ///< classes from here on did not exist in the index before

  [[nodiscard]] std::span<const Group> groups_of(ClassId id) const {
    return groups.part(first_group[id], first_group[id + 1] - first_group[id]);
  }
  [[nodiscard]] std::span<const NodeId> nodes_of(ClassId id) const {
    const std::uint32_t first = groups[first_group[id]].first_node;
    return nodes.part(first, groups[first_group[id + 1]].first_node - first);
  }
  [[nodiscard]] std::size_t memory_bytes() const {
    return classes.capacity_bytes() + first_group.capacity_bytes() + groups.capacity_bytes() + nodes.capacity_bytes() +
           operands.capacity_bytes() + classes_of_symbol.begin.capacity_bytes() + classes_of_symbol.values.capacity_bytes() +
           classes_of_head.begin.capacity_bytes() + classes_of_head.values.capacity_bytes();
  }
};

}  // namespace nntune::egraph
