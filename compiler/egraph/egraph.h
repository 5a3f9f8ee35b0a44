/// The e-graph: a set of terms closed under an equivalence that is a congruence.
///
/// Follows egg (Willsey et al., "egg: Fast and Extensible Equality Saturation", POPL 2021): hash-consed e-nodes, a
/// union-find over classes, invariants restored in one `rebuild` after a batch of changes. Everything lies in flat arrays:
/// a node is a symbol and its operands (up to two in place); node n starts in class n, so the union-find is indexed by node.
/// Matching reads an index that `rebuild` makes: the nodes of each class, and the classes with each symbol.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/egraph/analysis.h"
#include "compiler/egraph/change_listener.h"
#include "compiler/egraph/class_index.h"
#include "compiler/egraph/flat_array.h"
#include "compiler/egraph/node_table.h"
#include "compiler/egraph/symbol.h"

namespace nntune::egraph {

class ProofForest;

class EGraph {
 public:
  EGraph();
  /// `analysis` must outlive the graph.
  explicit EGraph(Analysis& analysis);
  EGraph(const EGraph&) = delete;
  EGraph& operator=(const EGraph&) = delete;
  ~EGraph();

  /// From now on the graph remembers why classes became equal (compiler/egraph/proof.h); it is empty yet. `add` then returns
  /// an id that stands for that very term, which need not be canonical, and each differently written term takes memory.
  void enable_proofs();
  /// Null: they are off.
  [[nodiscard]] const ProofForest* proofs() const { return proofs_.get(); }

  /// From now on `listener`, which must outlive the graph or be taken off by null, is told of changes. `add_to` may not be
  /// used.
  void listen(ChangeListener* listener) { listener_ = listener; }
  /// Proofs are on, or somebody listens.
  [[nodiscard]] bool watched() const { return proofs_ != nullptr || listener_ != nullptr; }

  [[nodiscard]] SymbolTable& symbols() { return symbols_; }
  [[nodiscard]] const SymbolTable& symbols() const { return symbols_; }

  /// The class of this node, which is new if no equal node is known.
  ClassId add(Symbol symbol, std::span<const ClassId> children);
  ClassId add(std::string_view text, std::initializer_list<ClassId> children = {}) {
    return add(symbols_.intern(text), std::span(children.begin(), children.size()));
  }
  /// add() and merge() in one, without a class in between; false if the node was known in this class. Not if watched().
  bool add_to(ClassId id, Symbol symbol, std::span<const ClassId> children);
  [[nodiscard]] std::optional<ClassId> lookup(Symbol symbol, std::span<const ClassId> children) const;
  /// Fetch ahead, in three steps with time in between, what `add(symbol, children)` is going to read: of the operands' classes,
  /// of the memo, and the node. The second returns what the third needs.
  void prefetch_class(ClassId id) const { __builtin_prefetch(&leaders_[id]); }
  [[nodiscard]] std::uint32_t prefetch_memo(Symbol symbol, std::span<const ClassId> children) const {
    const std::uint32_t hash = children.size() <= kInline ? hash_now(symbol, children) : 0;
    memo_.prefetch(hash);
    return hash;
  }
  void prefetch_node(std::uint32_t hash) const {
    if (const NodeId node = memo_.peek(hash); node != kNone) {
      __builtin_prefetch(&nodes_[node]);
      __builtin_prefetch(&leaders_[node]);
    }
  }
  /// The graph is larger than the near caches, so that fetching ahead pays.
  [[nodiscard]] bool worth_prefetching() const { return nodes_.size() > 8192; }

  /// The canonical class of `id` (a class, or a node for its class).
  [[nodiscard]] ClassId find(ClassId id) const {
    while (leaders_[id] != id) id = leaders_[id];
    return id;
  }
  /// Declares two classes equal; false if they were. Congruence is restored by the next rebuild. `reason` is what a proof says:
  /// "" for that of because().
  bool merge(ClassId a, ClassId b, std::string_view reason = {});
  /// The reason of later merges: the name of the rule being applied, or "given".
  void because(Symbol reason) { reason_ = reason; }
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
  [[nodiscard]] std::size_t class_count() const { return index_.classes.size(); }
  /// Nodes ever added; grows also between rebuilds. All ids are less.
  [[nodiscard]] std::size_t total_nodes() const { return nodes_.size(); }
  /// Grows with each node added that was not known and each merge, those by congruence included.
  [[nodiscard]] std::size_t change_count() const { return changes_; }
  /// Of all arrays, the analysis' and the index included, which is estimated for nodes added since the last rebuild.
  [[nodiscard]] std::size_t memory_bytes() const;

  /// Canonical classes in ascending order (clean).
  [[nodiscard]] std::span<const ClassId> classes() const { return index_.classes; }
  /// Nodes of a canonical class, ordered by symbol (clean).
  [[nodiscard]] std::span<const NodeId> nodes(ClassId id) const;
  /// Classes that hold a node of this symbol, or of a symbol with this head, ascending (clean).
  [[nodiscard]] std::span<const ClassId> classes_with(Symbol symbol) const;
  [[nodiscard]] std::span<const ClassId> classes_with_head(Symbol head) const;
  /// (clean)
  [[nodiscard]] const ClassIndex& index() const { return index_; }

  [[nodiscard]] Symbol symbol(NodeId node) const { return nodes_[node].symbol; }
  [[nodiscard]] std::string_view text(NodeId node) const { return symbols_.text(nodes_[node].symbol); }
  /// See hide_operators().
  [[nodiscard]] bool hidden(NodeId node) const { return nodes_[node].arity > 0 && hides_[find(node)]; }
  /// New to its class or with new operands since the index before the present one.
  [[nodiscard]] bool fresh(NodeId node) const { return nodes_[node].fresh != 0; }
  /// Canonical in a clean graph; else apply `find`. Valid until the next `add`.
  [[nodiscard]] std::span<const ClassId> children(NodeId node) const {
    const Node& record = nodes_[node];
    return record.arity <= kInline ? std::span(record.operands.data(), record.arity)
                                   : operands_.part(record.operands[0], record.arity);
  }
  /// Calls `visit(NodeId)` for each node that has class `id` among its children; some nodes may be visited twice (clean).
  template <class Visit>
  void for_each_parent(ClassId id, Visit&& visit) const {
    for (std::uint32_t entry = families_[id].first; entry != kNone; entry = parents_[entry].next) {
      if (!nodes_[parents_[entry].node].dead) {
        visit(parents_[entry].node);
      }
    }
  }

  /// "" if the graph is congruent, the memo right and each parent known, else what is wrong (clean). Linear in its size.
  [[nodiscard]] std::string check_invariants() const;

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  static constexpr std::uint32_t kInline = 2;

  struct Node {
    Symbol symbol;
    std::uint32_t arity : 29;
    std::uint32_t dead : 1;     // became equal to another node of its class
    std::uint32_t changed : 1;  // will be fresh
    std::uint32_t fresh : 1;
    std::array<ClassId, kInline> operands;  // 0 behind the last; more than fit: operands[0] is where they begin in operands_
  };
  struct Parent {
    NodeId node;
    std::uint32_t next;
  };
  /// Entries of parents_ that follow each other; they stay together when lists are joined.
  struct Parents {
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
    std::uint32_t count = 0;
  };

  [[nodiscard]] static std::uint32_t hash_of(Symbol symbol, std::span<const ClassId> children) {
    std::uint64_t hash = (symbol + 1) * 0x9e3779b97f4a7c15ULL;
    for (const ClassId child : children) {
      hash = (hash ^ (hash >> 29) ^ child) * 0xbf58476d1ce4e5b9ULL;
    }
    return static_cast<std::uint32_t>(hash ^ (hash >> 32));
  }
  /// hash_of() the operands' present classes, for operands that fit in place.
  [[nodiscard]] std::uint32_t hash_now(Symbol symbol, std::span<const ClassId> children) const {
    std::array<ClassId, kInline> canonical;
    for (std::size_t i = 0; i < children.size(); ++i) canonical[i] = find(children[i]);
    return hash_of(symbol, std::span(canonical.data(), children.size()));
  }
  [[nodiscard]] std::span<ClassId> own_children(NodeId node);
  [[nodiscard]] bool same(NodeId node, Symbol symbol, std::span<const ClassId> children) const {
    const Node& record = nodes_[node];
    if (record.symbol != symbol || record.arity != children.size()) return false;
    for (std::size_t i = 0; const ClassId child : this->children(node)) {
      if (child != children[i++]) return false;
    }
    return true;
  }
  [[nodiscard]] NodeId memo_find(std::uint32_t hash, Symbol symbol, std::span<const ClassId> children) const {
    return memo_.find(hash, [&](NodeId node) { return same(node, symbol, children); });
  }

  ClassId find_compressing(ClassId id) {
    while (leaders_[id] != id) {
      leaders_[id] = leaders_[leaders_[id]];
      id = leaders_[id];
    }
    return id;
  }
  std::span<const ClassId> canonical(std::span<const ClassId> children);
  ClassId push_node(Symbol symbol, std::span<const ClassId> children);
  ClassId insert_node(Symbol symbol, std::span<const ClassId> children, std::uint32_t hash);
  bool merge_because(ClassId a, ClassId b, Symbol reason);
  void add_parents(NodeId node);
  void enter_parents();
  void compact_parents();
  [[nodiscard]] std::uint32_t parent_count(ClassId id) const { return id < families_.size() ? families_[id].count : 0; }
  [[nodiscard]] bool stale(NodeId node) const;
  void update_parents(ClassId id);
  void repair(NodeId node);
  void repair_each(std::span<const NodeId> nodes);
  void repair_all();
  void repair_sweep();
  void propagate();
  void note(const Merged& merged, ClassId into, ClassId from);
  void update_data(NodeId node, ClassId id);
  [[nodiscard]] bool visible(NodeId node) const;
  void build_index();
  void index_nodes();
  void index_symbols();

  SymbolTable symbols_;
  Analysis* analysis_ = nullptr;
  std::unique_ptr<ProofForest> proofs_;
  ChangeListener* listener_ = nullptr;
  Symbol congruence_;
  Symbol reason_;

  FlatArray<Node> nodes_;
  FlatArray<ClassId> operands_;  // of nodes with more than fit in place
  FlatArray<ClassId> leaders_;   // by class
  FlatArray<Parents>
      families_;  // by class, what matters is that of leaders; of nodes from its size on no parents are entered yet
  FlatArray<Parent> parents_;
  std::size_t parents_kept_ = 0;  // when they were made anew last
  NodeTable memo_;                // every live node under its present key

  FlatArray<Parents> pending_;  // nodes whose children changed class, of those that were entered then,
  FlatArray<NodeId> stale_;     // and of the others
  std::size_t merges_to_repair_ = 0;
  FlatArray<NodeId> repairing_;
  FlatArray<NodeId> analysis_pending_;  // nodes whose children have new data
  FlatArray<ClassId> scratch_;
  std::vector<bool> hides_;  // by class
  std::size_t live_nodes_ = 0;
  std::size_t hidden_nodes_ = 0;
  std::size_t changes_ = 0;
  bool clean_ = true;
  std::string contradiction_;

  ClassIndex index_;
  std::size_t indexed_nodes_ = 0;  // total_nodes() when the index was made
};

}  // namespace nntune::egraph
