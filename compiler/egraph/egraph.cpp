#include "compiler/egraph/egraph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <unordered_set>

#include "compiler/egraph/proof.h"

namespace nntune::egraph {

EGraph::EGraph() : congruence_(symbols_.intern("congruence")), reason_(symbols_.intern("given")) {}

EGraph::EGraph(Analysis& analysis) : EGraph() { analysis_ = &analysis; }

EGraph::~EGraph() = default;

void EGraph::enable_proofs() {
  assert(nodes_.empty() && "proofs begin with the first term");
  proofs_ = std::make_unique<ProofForest>(congruence_);
}

std::span<ClassId> EGraph::own_children(NodeId node) {
  Node& record = nodes_[node];
  ClassId* first = record.arity <= kInline ? record.operands.data() : operands_.data() + record.operands[0];
  return {first, record.arity};
}

std::optional<ClassId> EGraph::lookup(Symbol symbol, std::span<const ClassId> children) const {
  std::vector<ClassId> canonical(children.begin(), children.end());
  for (ClassId& child : canonical) {
    child = find(child);
  }
  const NodeId node = memo_find(hash_of(symbol, canonical), symbol, canonical);
  return node == kNone ? std::nullopt : std::optional(find(node));
}

/// A node of a class of its own, or of none yet.
ClassId EGraph::push_node(Symbol symbol, std::span<const ClassId> children) {
  const auto id = static_cast<NodeId>(nodes_.size());
  Node node{symbol, static_cast<std::uint32_t>(children.size()) & 0x1fffffffU, 0, 1, 0, {}};
  if (children.size() <= kInline) {
    std::copy(children.begin(), children.end(), node.operands.begin());
  } else {
    node.operands[0] = static_cast<std::uint32_t>(operands_.size());
    operands_.append(children);
  }
  nodes_.push_back(node);
  leaders_.push_back(id);
  hides_.push_back(false);
  return id;
}

/// The present classes of `children`, in scratch_.
std::span<const ClassId> EGraph::canonical(std::span<const ClassId> children) {
  scratch_.clear();
  ClassId* result = scratch_.extend(children.size());
  for (std::size_t i = 0; i < children.size(); ++i) result[i] = find_compressing(children[i]);
  return {result, children.size()};
}

/// A node that the memo does not have, without analysis data yet.
ClassId EGraph::insert_node(Symbol symbol, std::span<const ClassId> children, std::uint32_t hash) {
  clean_ = false;
  const NodeId id = push_node(symbol, children);
  ++live_nodes_;
  ++changes_;
  memo_.insert(hash, id);
  if (listener_ != nullptr) [[unlikely]]
    listener_->added(id, children);
  return id;
}

bool EGraph::stale(NodeId node) const {
  return std::ranges::any_of(children(node), [this](ClassId child) { return leaders_[child] != child; });
}

void EGraph::add_parents(NodeId node) {
  const auto operands = children(node);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const auto before = operands.first(i);
    if (std::find(before.begin(), before.end(), operands[i]) != before.end()) continue;  // (+ a a) is one parent of a
    Parents& family = families_[find_compressing(operands[i])];
    const auto entry = static_cast<std::uint32_t>(parents_.size());
    parents_.push_back({node, family.first});
    if (family.first == kNone) family.last = entry;
    family.first = entry;
    ++family.count;
  }
}

/// Makes the parents of all classes known: only of nodes that outlive the first repairs, as many are added that do not.
void EGraph::enter_parents() {
  auto node = static_cast<NodeId>(families_.size());
  std::fill_n(families_.extend(nodes_.size() - node), nodes_.size() - node, Parents{});
  for (; node < nodes_.size(); ++node) {
    if (nodes_[node].dead) continue;
    if (stale(node)) stale_.push_back(node);
    add_parents(node);
  }
}

/// Makes the lists of parents anew, without dead nodes and in order.
void EGraph::compact_parents() {
  parents_.clear();
  families_.assign(families_.size(), {});
  for (NodeId node = 0; node < families_.size(); ++node) {
    if (!nodes_[node].dead) add_parents(node);
  }
  parents_kept_ = parents_.size();
}

ClassId EGraph::add(Symbol symbol, std::span<const ClassId> children) {
  if (proofs_ != nullptr) [[unlikely]] {
    if (const ClassId known = proofs_->find_term(symbol, children); known != kNone) return known;
    proofs_->add_term(static_cast<ClassId>(nodes_.size()), symbol, children);
  }
  const std::span<const ClassId> operands = canonical(children);
  const std::uint32_t hash = hash_of(symbol, operands);
  if (const NodeId node = memo_find(hash, symbol, operands); node != kNone) {
    if (listener_ != nullptr) [[unlikely]]
      listener_->found(node);
    if (proofs_ == nullptr) [[likely]]
      return find_compressing(node);
    // Another way to write a known term: an id for the proofs alone.
    const ClassId id = push_node(symbol, operands);
    nodes_[id].dead = 1;
    leaders_[id] = find_compressing(node);
    proofs_->connect(id, node, congruence_, id, leaders_[id]);
    return id;
  }
  const NodeId id = insert_node(symbol, operands, hash);
  if (analysis_ != nullptr) {
    analysis_->added(*this, id);
    analysis_->modify(*this, id);
  }
  return proofs_ == nullptr ? find(id) : id;
}

bool EGraph::add_to(ClassId id, Symbol symbol, std::span<const ClassId> children) {
  assert(!watched());
  const std::span<const ClassId> operands = canonical(children);
  const std::uint32_t hash = hash_of(symbol, operands);
  if (const NodeId node = memo_find(hash, symbol, operands); node != kNone) return merge_because(id, node, reason_);
  id = find_compressing(id);
  const NodeId node = insert_node(symbol, operands, hash);
  leaders_[node] = id;
  if (analysis_ != nullptr) update_data(node, id);
  return true;
}

/// The data of a class changed.
void EGraph::update_parents(ClassId id) {
  enter_parents();
  for_each_parent(id, [this](NodeId parent) { analysis_pending_.push_back(parent); });
}

/// Joins what a node gives into the data of its class.
void EGraph::update_data(NodeId node, ClassId id) {
  const Merged merged = analysis_->update(*this, node, id);
  note(merged, id, node);
  if (merged.into_changed) {
    update_parents(id);
    analysis_->modify(*this, id);
  }
}

bool EGraph::merge(ClassId a, ClassId b, std::string_view reason) {
  return merge_because(a, b, reason.empty() ? reason_ : symbols_.intern(reason));
}

bool EGraph::merge_because(ClassId a, ClassId b, Symbol reason) {
  ClassId into = find_compressing(a);
  ClassId from = find_compressing(b);
  if (into == from) {
    return false;
  }
  clean_ = false;
  ++changes_;
  if (proofs_ != nullptr) [[unlikely]]
    proofs_->connect(a, b, reason, into, from);
  if (listener_ != nullptr) [[unlikely]]
    listener_->merging(a, b, reason == congruence_);
  // The side with fewer parents moves, as its parents have to be looked at again; ties go to the older class.
  if (const auto a_count = parent_count(into), b_count = parent_count(from);
      a_count < b_count || (a_count == b_count && from < into)) {
    std::swap(into, from);
  }
  ++merges_to_repair_;
  if (analysis_ != nullptr) {
    const Merged merged = analysis_->merge(into, from);
    note(merged, into, from);
    if (merged.into_changed) update_parents(into);
    if (merged.from_changed) update_parents(from);
  }
  leaders_[from] = into;
  hides_[into] = hides_[into] || hides_[from];
  if (parent_count(from) > 0) {
    Parents& moved = families_[from];
    Parents& family = families_[into];
    pending_.push_back(moved);
    parents_[moved.last].next = family.first;
    if (family.first == kNone) family.last = moved.last;
    family.first = moved.first;
    family.count += moved.count;
    moved = {};
  }
  if (analysis_ != nullptr) {
    analysis_->modify(*this, into);
  }
  return true;
}

void EGraph::note(const Merged& merged, ClassId into, ClassId from) {
  if (!merged.contradict || !contradiction_.empty()) return;
  contradiction_ = fmt::format("a class with {} and one with {} were found equal, but their data exclude each other",
                               text(into), text(from));
}

void EGraph::hide_operators(ClassId id) {
  id = find_compressing(id);
  if (hides_[id]) return;
  hides_[id] = true;
  clean_ = false;
}

void EGraph::repair(NodeId node) {
  if (nodes_[node].dead) {
    return;
  }
  const std::span<ClassId> own = own_children(node);
  if (!stale(node)) return;
  const Symbol symbol = nodes_[node].symbol;
  memo_.erase(hash_of(symbol, own), node);
  for (ClassId& child : own) {
    child = find_compressing(child);
  }
  nodes_[node].changed = 1;
  const std::uint32_t hash = hash_of(symbol, own);
  const NodeId twin = memo_find(hash, symbol, own);
  if (twin == kNone) {
    memo_.insert(hash, node);
    return;
  }
  nodes_[node].dead = 1;
  --live_nodes_;
  merge_because(twin, node, congruence_);
}

/// A few at a time, so that what they need of the memo is on its way while others are repaired.
void EGraph::repair_each(std::span<const NodeId> nodes) {
  constexpr std::size_t kBatch = 16;
  for (; !nodes.empty(); nodes = nodes.subspan(std::min(kBatch, nodes.size()))) {
    const auto batch = nodes.first(std::min(kBatch, nodes.size()));
    if (worth_prefetching()) {
      for (const NodeId node : batch) {
        for (const ClassId child : children(node)) prefetch_class(child);
        memo_.prefetch(hash_of(nodes_[node].symbol, children(node)));  // the place it leaves
      }
      std::array<std::uint32_t, kBatch> hashes;
      for (std::size_t i = 0; i < batch.size(); ++i) hashes[i] = prefetch_memo(nodes_[batch[i]].symbol, children(batch[i]));
      for (std::size_t i = 0; i < batch.size(); ++i) prefetch_node(hashes[i]);
    }
    for (const NodeId node : batch) repair(node);
  }
}

/// In rounds of ascending ids: operands are mostly older than what is built from them, so that equalities travel upwards and
/// few nodes are repaired twice; and memory is read in order.
void EGraph::repair_all() {
  constexpr std::size_t kShareForSweep = 64;
  for (;;) {
    if (merges_to_repair_ > nodes_.size() / kShareForSweep) {
      repair_sweep();
      continue;
    }
    merges_to_repair_ = 0;
    enter_parents();
    repairing_.clear();
    repairing_.swap(stale_);
    for (const Parents& list : pending_) {
      for (std::uint32_t entry = list.first;; entry = parents_[entry].next) {
        if (!nodes_[parents_[entry].node].dead) repairing_.push_back(parents_[entry].node);
        if (entry == list.last) break;
      }
    }
    pending_.clear();
    if (repairing_.empty()) return;
    std::sort(repairing_.begin(), repairing_.end());
    repairing_.resize_down(static_cast<std::size_t>(std::unique(repairing_.begin(), repairing_.end()) - repairing_.begin()));
    repair_each(repairing_);
  }
}

/// Looks at all nodes, where so many are pending that this is faster than following lists. What becomes pending further on
/// is repaired in passing.
void EGraph::repair_sweep() {
  constexpr std::size_t kBlock = 1024;
  constexpr std::size_t kAhead = 16;
  pending_.clear();
  stale_.clear();
  merges_to_repair_ = 0;
  for (std::size_t block = 0; block < nodes_.size(); block += kBlock) {
    repairing_.clear();
    for (std::size_t i = block; i < std::min(block + kBlock, nodes_.size()); ++i) {
      if (i + kAhead < nodes_.size()) {
        for (const ClassId child : children(static_cast<NodeId>(i + kAhead))) prefetch_class(child);
      }
      if (!nodes_[i].dead && stale(static_cast<NodeId>(i))) repairing_.push_back(static_cast<NodeId>(i));
    }
    repair_each(repairing_);
  }
}

void EGraph::propagate() {
  for (repair_all(); !analysis_pending_.empty(); repair_all()) {
    while (!analysis_pending_.empty() && merges_to_repair_ == 0) {
      const NodeId node = analysis_pending_.back();
      analysis_pending_.pop_back();
      update_data(node, find_compressing(node));
    }
  }
}

void EGraph::rebuild() {
  if (clean_) {
    return;
  }
  propagate();
  for (ClassId id = 0; id < leaders_.size(); ++id) leaders_[id] = find_compressing(id);
  if (parents_.size() > 2 * (parents_kept_ + live_nodes_)) compact_parents();
  build_index();
  clean_ = true;
#ifndef NDEBUG
  const std::string wrong = check_invariants();
  assert(wrong.empty() && "the e-graph is broken after a rebuild");
#endif
}

std::span<const NodeId> EGraph::nodes(ClassId id) const {
  assert(clean_ && "rebuild first");
  return index_.nodes_of(id);
}

std::span<const ClassId> EGraph::classes_with(Symbol symbol) const {
  assert(clean_ && "rebuild first");
  return index_.classes_of_symbol.at(symbol);
}

std::span<const ClassId> EGraph::classes_with_head(Symbol head) const {
  assert(clean_ && "rebuild first");
  return index_.classes_of_head.begin.empty() ? index_.classes_of_symbol.at(head) : index_.classes_of_head.at(head);
}

std::size_t EGraph::memory_bytes() const {
  // A node in the index: its id, two operands, its part of a group, its class' entries.
  constexpr std::size_t kIndexBytesPerNode = 32;
  return nodes_.capacity_bytes() + operands_.capacity_bytes() + leaders_.capacity_bytes() + families_.capacity_bytes() +
         parents_.capacity_bytes() + memo_.memory_bytes() + pending_.capacity_bytes() + stale_.capacity_bytes() +
         analysis_pending_.capacity_bytes() + index_.memory_bytes() + kIndexBytesPerNode * (nodes_.size() - indexed_nodes_) +
         (analysis_ != nullptr ? analysis_->memory_bytes() : 0) + (proofs_ != nullptr ? proofs_->memory_bytes() : 0);
}

std::string EGraph::check_invariants() const {
  std::size_t live = 0;
  std::unordered_set<std::uint64_t> edges;
  const auto edge = [](ClassId child, NodeId parent) { return (std::uint64_t{child} << 32) | parent; };
  for (ClassId id = 0; id < nodes_.size(); ++id) {
    for_each_parent(id, [&](NodeId parent) { edges.insert(edge(id, parent)); });
  }
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    if (nodes_[node].dead) {
      continue;
    }
    ++live;
    for (const ClassId child : children(node)) {
      if (find(child) != child) {
        return fmt::format("node {} ({}) has the child {} of class {}", node, text(node), child, find(child));
      }
      if (edges.count(edge(child, node)) == 0) {
        return fmt::format("class {} does not know its parent {} ({})", child, node, text(node));
      }
    }
    if (memo_find(hash_of(nodes_[node].symbol, children(node)), nodes_[node].symbol, children(node)) != node) {
      return fmt::format("node {} ({}) is not in the memo, or a twin of it is", node, text(node));
    }
  }
  if (live != live_nodes_) {
    return fmt::format("{} nodes are live, counted {}", live, live_nodes_);
  }
  return {};
}

}  // namespace nntune::egraph
