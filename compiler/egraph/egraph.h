/// The e-graph: a set of terms closed under an equivalence that is a congruence.
///
/// Follows egg (Willsey et al., "egg: Fast and Extensible Equality Saturation", POPL 2021): hash-consed e-nodes, a
/// union-find over classes, invariants restored in one `rebuild` after a batch of changes. Everything lies in flat arrays:
/// a node is a symbol and a range of a common array of children; node n starts in class n, so the union-find is indexed by
/// node. Matching reads an index that `rebuild` makes: the nodes of each class, and the classes with each symbol.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/egraph/analysis.h"
#include "compiler/egraph/symbol.h"

namespace nntune::egraph {

class EGraph {
 public:
  EGraph() = default;
  /// `analysis` must outlive the graph.
  explicit EGraph(Analysis& analysis) : analysis_(&analysis) {}
  EGraph(const EGraph&) = delete;
  EGraph& operator=(const EGraph&) = delete;

  [[nodiscard]] SymbolTable& symbols() { return symbols_; }
  [[nodiscard]] const SymbolTable& symbols() const { return symbols_; }

  /// The class of this node, which is new if no equal node is known.
  ClassId add(Symbol symbol, std::span<const ClassId> children);
  ClassId add(std::string_view text, std::initializer_list<ClassId> children = {}) {
    return add(symbols_.intern(text), std::span(children.begin(), children.size()));
  }
  [[nodiscard]] std::optional<ClassId> lookup(Symbol symbol, std::span<const ClassId> children) const;

  /// The canonical class of `id` (a class, or a node for its class).
  [[nodiscard]] ClassId find(ClassId id) const;
  /// Declares two classes equal; false if they were. Congruence is restored by the next rebuild.
  bool merge(ClassId a, ClassId b);
  /// From now on only the leaves of the class are matched and counted: it is known to equal one, and what else it equals is not
  /// worth looking at (egg calls it pruning). All nodes stay known to `add` and to congruence.
  void hide_operators(ClassId id);
  /// Restores congruence and the memo, propagates analysis data, and makes the index for matching.
  void rebuild();

  /// Nothing changed since the last rebuild; the functions below marked (clean) need that.
  [[nodiscard]] bool clean() const { return clean_; }
  /// "" or the first two classes merged whose analysis data exclude each other.
  [[nodiscard]] const std::string& contradiction() const { return contradiction_; }
  /// Distinct e-nodes modulo equality that are not hidden, as of the last rebuild, and those added since.
  [[nodiscard]] std::size_t node_count() const { return live_nodes_ - hidden_nodes_; }
  /// (clean)
  [[nodiscard]] std::size_t class_count() const { return classes_.size(); }
  /// Nodes ever added; grows also between rebuilds.
  [[nodiscard]] std::size_t total_nodes() const { return nodes_.size(); }
  /// Merges ever made, those by congruence included.
  [[nodiscard]] std::size_t merge_count() const { return merges_; }

  /// Canonical classes in ascending order (clean).
  [[nodiscard]] std::span<const ClassId> classes() const { return classes_; }
  /// Nodes of a canonical class, ordered by symbol (clean).
  [[nodiscard]] std::span<const NodeId> nodes(ClassId id) const;
  /// Classes that hold a node of this symbol, or of a symbol with this head, ascending (clean).
  [[nodiscard]] std::span<const ClassId> classes_with(Symbol symbol) const;
  [[nodiscard]] std::span<const ClassId> classes_with_head(Symbol head) const;

  [[nodiscard]] Symbol symbol(NodeId node) const { return nodes_[node].symbol; }
  [[nodiscard]] std::string_view text(NodeId node) const { return symbols_.text(nodes_[node].symbol); }
  /// See hide_operators().
  [[nodiscard]] bool hidden(NodeId node) const { return nodes_[node].arity > 0 && hides_[find(node)]; }
  /// Canonical in a clean graph; else apply `find`.
  [[nodiscard]] std::span<const ClassId> children(NodeId node) const {
    return {children_.data() + nodes_[node].first_child, nodes_[node].arity};
  }
  /// Calls `visit(NodeId)` for each node that has class `id` among its children; some nodes may be visited twice.
  template <class Visit>
  void for_each_parent(ClassId id, Visit&& visit) const {
    for (std::uint32_t entry = parents_[id].first; entry != kNone; entry = parent_entries_[entry].next) {
      if (!nodes_[parent_entries_[entry].node].dead) {
        visit(parent_entries_[entry].node);
      }
    }
  }

  /// "" if the graph is congruent, the memo right and each parent known, else what is wrong (clean). Linear in its size.
  [[nodiscard]] std::string check_invariants() const;

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  static constexpr std::uint32_t kTombstone = 0xfffffffe;

  struct Node {
    Symbol symbol;
    std::uint32_t first_child;
    std::uint32_t arity : 31;
    std::uint32_t dead : 1;  // became equal to another node of its class
    std::uint32_t hash;
  };
  struct ParentEntry {
    NodeId node;
    std::uint32_t next;
  };
  struct ParentList {
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
    std::uint32_t count = 0;
  };
  /// Lists of lists in two arrays: entries of key k are values[begin[k]] .. values[begin[k + 1]].
  struct Csr {
    std::vector<std::uint32_t> begin;
    std::vector<std::uint32_t> values;
    [[nodiscard]] std::span<const std::uint32_t> at(std::size_t key) const {
      return key + 1 < begin.size() ? std::span(values).subspan(begin[key], begin[key + 1] - begin[key])
                                    : std::span<const std::uint32_t>();
    }
  };

  [[nodiscard]] static std::uint32_t hash_of(Symbol symbol, std::span<const ClassId> children);
  [[nodiscard]] bool same(NodeId node, Symbol symbol, std::span<const ClassId> children) const;
  /// Slot of an equal node, or kNone.
  [[nodiscard]] std::uint32_t memo_find(std::uint32_t hash, Symbol symbol, std::span<const ClassId> children) const;
  void memo_insert(NodeId node);
  void memo_erase(NodeId node);
  void memo_grow();

  ClassId find_compressing(ClassId id);
  void repair(NodeId node);
  void note(const Merged& merged, ClassId into, ClassId from);
  void build_index();

  SymbolTable symbols_;
  Analysis* analysis_ = nullptr;

  std::vector<Node> nodes_;
  std::vector<ClassId> children_;
  std::vector<ClassId> union_find_;  // by class; roots point to themselves
  std::vector<ParentList> parents_;  // by class
  std::vector<ParentEntry> parent_entries_;

  std::vector<std::uint32_t> memo_;  // open addressing, a power of two; holds every live node under its present key
  std::size_t memo_used_ = 0;        // tombstones included

  std::vector<NodeId> pending_;           // nodes whose children changed class
  std::vector<NodeId> analysis_pending_;  // nodes whose children have new data
  std::vector<ClassId> scratch_;
  std::vector<bool> hides_;  // by class
  std::size_t live_nodes_ = 0;
  std::size_t hidden_nodes_ = 0;
  std::size_t merges_ = 0;
  bool clean_ = true;
  std::string contradiction_;

  std::vector<ClassId> classes_;
  Csr nodes_of_class_;
  Csr classes_of_symbol_;
  Csr classes_of_head_;
};

}  // namespace nntune::egraph
