// The index that a rebuild makes for matching: nodes by class and symbol through two counting sorts, then the classes of each
// symbol.
#include <algorithm>

#include "compiler/egraph/egraph.h"

namespace nntune::egraph {

namespace {

/// Counts per key, at begin[key + 1], to first positions at begin[key].
void counts_to_begins(FlatArray<std::uint32_t>& begin) {
  for (std::size_t i = 1; i < begin.size(); ++i) begin[i] += begin[i - 1];
}

/// The classes of each key, a class once a key; `key_of` maps a symbol.
template <class KeyOf>
void list_classes(const ClassIndex& index, std::size_t keys, ClassIndex::Lists& lists, KeyOf&& key_of) {
  constexpr std::uint32_t kNever = 0xffffffff;
  FlatArray<ClassId> last;
  last.assign(keys, kNever);
  lists.begin.assign(keys + 1, 0);
  const auto for_each = [&](auto&& visit) {
    for (const ClassId id : index.classes) {
      for (const ClassIndex::Group& group : index.groups_of(id)) {
        const Symbol key = key_of(group.symbol);
        if (last[key] == id) continue;
        last[key] = id;
        visit(key, id);
      }
    }
  };
  for_each([&](Symbol key, ClassId) { ++lists.begin[key + 1]; });
  counts_to_begins(lists.begin);
  lists.values.clear();
  lists.values.extend(lists.begin.back());
  last.assign(keys, kNever);
  FlatArray<std::uint32_t> next;
  next.append(std::span<const std::uint32_t>(lists.begin.begin(), lists.begin.end()));
  for_each([&](Symbol key, ClassId id) { lists.values[next[key]++] = id; });
}

}  // namespace

bool EGraph::visible(NodeId node) const { return nodes_[node].arity == 0 || !hides_[leaders_[node]]; }

void EGraph::build_index() {
  // All nodes of a class that was merged away are new to their class.
  for (const ClassId id : index_.classes) {
    if (leaders_[id] == id) continue;
    for (const NodeId node : index_.nodes_of(id)) nodes_[node].changed = 1;
  }
  index_.first_new = static_cast<ClassId>(indexed_nodes_);
  indexed_nodes_ = nodes_.size();
  index_nodes();
  index_symbols();
}

void EGraph::index_nodes() {
  // By symbol, fresh ones first, ...
  FlatArray<std::uint32_t> next;
  next.assign(2 * symbols_.size() + 1, 0);
  const auto key_of = [this](NodeId node) { return 2 * std::size_t{nodes_[node].symbol} + (nodes_[node].fresh ? 0 : 1); };
  hidden_nodes_ = 0;
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    nodes_[node].fresh = nodes_[node].changed;
    nodes_[node].changed = 0;
    if (nodes_[node].dead) continue;
    if (visible(node)) {
      ++next[key_of(node) + 1];
    } else {
      ++hidden_nodes_;
    }
  }
  counts_to_begins(next);
  FlatArray<NodeId> by_symbol;
  by_symbol.extend(next.back());
  auto& first = index_.first_group;  // of nodes at first
  first.assign(nodes_.size() + 1, 0);
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    if (nodes_[node].dead || !visible(node)) continue;
    by_symbol[next[key_of(node)]++] = node;
    ++first[leaders_[node] + 1];
  }
  // ... then by class, which leaves that order within each.
  counts_to_begins(first);
  index_.nodes.clear();
  index_.nodes.extend(by_symbol.size());
  for (const NodeId node : by_symbol) index_.nodes[first[leaders_[node]]++] = node;
  by_symbol.release();

  index_.classes.clear();
  index_.groups.clear();
  index_.operands.clear();
  std::uint32_t begin = 0;
  for (ClassId id = 0; id < nodes_.size(); ++id) {
    const std::uint32_t end = first[id];  // moved there by the scatter
    first[id] = static_cast<std::uint32_t>(index_.groups.size());
    if (begin == end) continue;
    index_.classes.push_back(id);
    for (std::uint32_t i = begin; i < end; ++i) {
      const Node& node = nodes_[index_.nodes[i]];
      if (i == begin || index_.groups.back().symbol != node.symbol || index_.groups.back().arity != node.arity) {
        index_.groups.push_back({node.symbol, node.arity, i, static_cast<std::uint32_t>(index_.operands.size()), 0});
      }
      index_.groups.back().fresh += node.fresh;
      index_.operands.append(children(index_.nodes[i]));
    }
    begin = end;
  }
  first[nodes_.size()] = static_cast<std::uint32_t>(index_.groups.size());
  index_.groups.push_back({0, 0, begin, static_cast<std::uint32_t>(index_.operands.size()), 0});
}

void EGraph::index_symbols() {
  list_classes(index_, symbols_.size(), index_.classes_of_symbol, [](Symbol symbol) { return symbol; });
  index_.classes_of_head.begin.clear();
  index_.classes_of_head.values.clear();
  if (symbols_.has_heads()) {
    list_classes(index_, symbols_.size(), index_.classes_of_head, [this](Symbol symbol) { return symbols_.head(symbol); });
  }
}

}  // namespace nntune::egraph
