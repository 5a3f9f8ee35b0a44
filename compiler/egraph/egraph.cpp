#include "compiler/egraph/egraph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <unordered_set>

namespace nntune::egraph {

std::uint32_t EGraph::hash_of(Symbol symbol, std::span<const ClassId> children) {
  std::uint64_t hash = (symbol + 1) * 0x9e3779b97f4a7c15ULL;
  for (const ClassId child : children) {
    hash = (hash ^ (hash >> 29) ^ child) * 0xbf58476d1ce4e5b9ULL;
  }
  return static_cast<std::uint32_t>((hash ^ (hash >> 32)) & 0xffffffffULL);
}

bool EGraph::same(NodeId node, Symbol symbol, std::span<const ClassId> children) const {
  const auto own = this->children(node);
  return nodes_[node].symbol == symbol && std::equal(own.begin(), own.end(), children.begin(), children.end());
}

std::uint32_t EGraph::memo_find(std::uint32_t hash, Symbol symbol, std::span<const ClassId> children) const {
  if (memo_.empty()) {
    return kNone;
  }
  const std::size_t mask = memo_.size() - 1;
  for (std::size_t slot = hash & mask; memo_[slot] != kNone; slot = (slot + 1) & mask) {
    const std::uint32_t node = memo_[slot];
    if (node != kTombstone && nodes_[node].hash == hash && same(node, symbol, children)) {
      return static_cast<std::uint32_t>(slot);
    }
  }
  return kNone;
}

void EGraph::memo_insert(NodeId node) {
  if ((memo_used_ + 1) * 4 > memo_.size() * 3) {
    memo_grow();
  }
  const std::size_t mask = memo_.size() - 1;
  std::size_t slot = nodes_[node].hash & mask;
  while (memo_[slot] != kNone) {
    slot = (slot + 1) & mask;
  }
  memo_[slot] = node;
  ++memo_used_;
}

void EGraph::memo_erase(NodeId node) {
  const std::size_t mask = memo_.size() - 1;
  std::size_t slot = nodes_[node].hash & mask;
  while (memo_[slot] != node) {
    assert(memo_[slot] != kNone && "a live node is missing in the memo");
    slot = (slot + 1) & mask;
  }
  memo_[slot] = kTombstone;
}

void EGraph::memo_grow() {
  std::size_t live = 0;
  for (const std::uint32_t node : memo_) {
    live += node != kNone && node != kTombstone ? 1 : 0;
  }
  std::size_t size = 64;
  while (size < 2 * (live + 1)) {
    size *= 2;
  }
  std::vector<std::uint32_t> old(size, kNone);
  old.swap(memo_);
  memo_used_ = 0;
  for (const std::uint32_t node : old) {
    if (node != kNone && node != kTombstone) {
      const std::size_t mask = memo_.size() - 1;
      std::size_t slot = nodes_[node].hash & mask;
      while (memo_[slot] != kNone) {
        slot = (slot + 1) & mask;
      }
      memo_[slot] = node;
      ++memo_used_;
    }
  }
}

ClassId EGraph::find(ClassId id) const {
  while (union_find_[id] != id) {
    id = union_find_[id];
  }
  return id;
}

ClassId EGraph::find_compressing(ClassId id) {
  while (union_find_[id] != id) {
    union_find_[id] = union_find_[union_find_[id]];
    id = union_find_[id];
  }
  return id;
}

std::optional<ClassId> EGraph::lookup(Symbol symbol, std::span<const ClassId> children) const {
  std::vector<ClassId> canonical(children.begin(), children.end());
  for (ClassId& child : canonical) {
    child = find(child);
  }
  const std::uint32_t slot = memo_find(hash_of(symbol, canonical), symbol, canonical);
  return slot == kNone ? std::nullopt : std::optional(find(memo_[slot]));
}

ClassId EGraph::add(Symbol symbol, std::span<const ClassId> children) {
  scratch_.assign(children.begin(), children.end());
  for (ClassId& child : scratch_) {
    child = find_compressing(child);
  }
  const std::uint32_t hash = hash_of(symbol, scratch_);
  if (const std::uint32_t slot = memo_find(hash, symbol, scratch_); slot != kNone) {
    return find_compressing(memo_[slot]);
  }
  clean_ = false;
  const auto id = static_cast<NodeId>(nodes_.size());
  nodes_.push_back({symbol, static_cast<std::uint32_t>(children_.size()),
                    static_cast<std::uint32_t>(scratch_.size()) & 0x7fffffffU, 0, hash});
  children_.insert(children_.end(), scratch_.begin(), scratch_.end());
  union_find_.push_back(id);
  parents_.emplace_back();
  hides_.push_back(false);
  ++live_nodes_;
  memo_insert(id);
  for (std::size_t i = 0; i < scratch_.size(); ++i) {
    if (std::find(scratch_.begin(), scratch_.begin() + static_cast<std::ptrdiff_t>(i), scratch_[i]) !=
        scratch_.begin() + static_cast<std::ptrdiff_t>(i)) {
      continue;  // (+ a a) is one parent of a
    }
    ParentList& list = parents_[scratch_[i]];
    const auto entry = static_cast<std::uint32_t>(parent_entries_.size());
    parent_entries_.push_back({id, kNone});
    (list.first == kNone ? list.first : parent_entries_[list.last].next) = entry;
    list.last = entry;
    ++list.count;
  }
  if (analysis_ != nullptr) {
    analysis_->added(*this, id);
    analysis_->modify(*this, id);
  }
  return find(id);
}

bool EGraph::merge(ClassId a, ClassId b) {
  ClassId into = find_compressing(a);
  ClassId from = find_compressing(b);
  if (into == from) {
    return false;
  }
  clean_ = false;
  ++merges_;
  // The side with fewer parents moves, as its parents have to be looked at again; ties go to the older class.
  if (parents_[into].count < parents_[from].count || (parents_[into].count == parents_[from].count && from < into)) {
    std::swap(into, from);
  }
  for_each_parent(from, [this](NodeId parent) { pending_.push_back(parent); });
  if (analysis_ != nullptr) {
    const Merged merged = analysis_->merge(into, from);
    note(merged, into, from);
    const auto again = [this](NodeId parent) { analysis_pending_.push_back(parent); };
    if (merged.into_changed) {
      for_each_parent(into, again);
    }
    if (merged.from_changed) {
      for_each_parent(from, again);
    }
  }
  union_find_[from] = into;
  hides_[into] = hides_[into] || hides_[from];
  ParentList& target = parents_[into];
  ParentList& moved = parents_[from];
  if (moved.first != kNone) {
    (target.first == kNone ? target.first : parent_entries_[target.last].next) = moved.first;
    target.last = moved.last;
    target.count += moved.count;
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
  Node& record = nodes_[node];
  if (record.dead) {
    return;
  }
  const auto own = std::span(children_).subspan(record.first_child, record.arity);
  if (std::all_of(own.begin(), own.end(), [this](ClassId child) { return union_find_[child] == child; })) {
    return;
  }
  memo_erase(node);
  for (ClassId& child : own) {
    child = find_compressing(child);
  }
  record.hash = hash_of(record.symbol, own);
  const std::uint32_t slot = memo_find(record.hash, record.symbol, own);
  if (slot == kNone) {
    memo_insert(node);
    return;
  }
  record.dead = 1;
  --live_nodes_;
  merge(memo_[slot], node);
}

void EGraph::rebuild() {
  if (clean_) {
    return;
  }
  while (!pending_.empty() || !analysis_pending_.empty()) {
    while (!pending_.empty()) {
      const NodeId node = pending_.back();
      pending_.pop_back();
      repair(node);
    }
    while (!analysis_pending_.empty() && pending_.empty()) {
      const NodeId node = analysis_pending_.back();
      analysis_pending_.pop_back();
      const ClassId id = find_compressing(node);
      const Merged merged = analysis_->update(*this, node, id);
      note(merged, id, node);
      if (merged.into_changed) {
        for_each_parent(id, [this](NodeId parent) { analysis_pending_.push_back(parent); });
        analysis_->modify(*this, id);
      }
    }
  }
  for (ClassId id = 0; id < union_find_.size(); ++id) {
    union_find_[id] = find_compressing(id);
  }
  build_index();
  clean_ = true;
#ifndef NDEBUG
  const std::string wrong = check_invariants();
  assert(wrong.empty() && "the e-graph is broken after a rebuild");
#endif
}

void EGraph::build_index() {
  // Nodes by class: a counting sort, then each class by symbol.
  auto& begin = nodes_of_class_.begin;
  auto& values = nodes_of_class_.values;
  begin.assign(nodes_.size() + 1, 0);
  hidden_nodes_ = 0;
  const auto visible = [this](NodeId node) { return nodes_[node].arity == 0 || !hides_[union_find_[node]]; };
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    if (nodes_[node].dead) continue;
    if (visible(node)) {
      ++begin[union_find_[node] + 1];
    } else {
      ++hidden_nodes_;
    }
  }
  for (std::size_t i = 1; i < begin.size(); ++i) {
    begin[i] += begin[i - 1];
  }
  values.resize(begin.back());
  std::vector<std::uint32_t> cursor(begin.begin(), begin.end() - 1);
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    if (!nodes_[node].dead && visible(node)) {
      values[cursor[union_find_[node]]++] = node;
    }
  }
  classes_.clear();
  for (ClassId id = 0; id < nodes_.size(); ++id) {
    if (begin[id] == begin[id + 1]) {
      continue;
    }
    classes_.push_back(id);
    std::sort(values.begin() + begin[id], values.begin() + begin[id + 1], [this](NodeId a, NodeId b) {
      return nodes_[a].symbol != nodes_[b].symbol ? nodes_[a].symbol < nodes_[b].symbol : a < b;
    });
  }
  // Classes by symbol and by head, each class once in a list.
  const auto group = [this](Csr& csr, auto key_of) {
    std::vector<ClassId> last(symbols_.size(), kNone);
    csr.begin.assign(symbols_.size() + 1, 0);
    for (const ClassId id : classes_) {
      for (const NodeId node : nodes_of_class_.at(id)) {
        const Symbol key = key_of(nodes_[node].symbol);
        if (last[key] != id) {
          last[key] = id;
          ++csr.begin[key + 1];
        }
      }
    }
    for (std::size_t i = 1; i < csr.begin.size(); ++i) {
      csr.begin[i] += csr.begin[i - 1];
    }
    csr.values.resize(csr.begin.back());
    std::vector<std::uint32_t> next(csr.begin.begin(), csr.begin.end() - 1);
    std::fill(last.begin(), last.end(), kNone);
    for (const ClassId id : classes_) {
      for (const NodeId node : nodes_of_class_.at(id)) {
        const Symbol key = key_of(nodes_[node].symbol);
        if (last[key] != id) {
          last[key] = id;
          csr.values[next[key]++] = id;
        }
      }
    }
  };
  group(classes_of_symbol_, [](Symbol symbol) { return symbol; });
  group(classes_of_head_, [this](Symbol symbol) { return symbols_.head(symbol); });
}

std::span<const NodeId> EGraph::nodes(ClassId id) const {
  assert(clean_ && "rebuild first");
  return nodes_of_class_.at(id);
}

std::span<const ClassId> EGraph::classes_with(Symbol symbol) const {
  assert(clean_ && "rebuild first");
  return classes_of_symbol_.at(symbol);
}

std::span<const ClassId> EGraph::classes_with_head(Symbol head) const {
  assert(clean_ && "rebuild first");
  return classes_of_head_.at(head);
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
    const std::uint32_t slot = memo_find(nodes_[node].hash, nodes_[node].symbol, children(node));
    if (slot == kNone || memo_[slot] != node || nodes_[node].hash != hash_of(nodes_[node].symbol, children(node))) {
      return fmt::format("node {} ({}) is not in the memo, or a twin of it is", node, text(node));
    }
  }
  if (live != live_nodes_) {
    return fmt::format("{} nodes are live, counted {}", live, live_nodes_);
  }
  return {};
}

}  // namespace nntune::egraph
