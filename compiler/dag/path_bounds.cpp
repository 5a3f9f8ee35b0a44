#include "compiler/dag/path_bounds.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <queue>

#include "compiler/dag/components.h"
#include "compiler/dag/reduce.h"

namespace nntune::dag {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
using Entry = std::pair<double, std::uint32_t>;
using Queue = std::priority_queue<Entry, std::vector<Entry>, std::greater<>>;

/// By place in the common array of children: cost of what the node needs that cannot lie below this child.
std::vector<double> costs_beside(const ExtractionInstance& instance, std::span<const double> cost, const Needs& needs) {
  std::vector<double> beside(instance.children.size(), 0);
  if (!needs.known()) return beside;
  const std::size_t words = needs.words();
  std::vector<double> cheapest(instance.class_count(), kInfinity);
  for (std::uint32_t c = 0; c < cheapest.size(); ++c) {
    for (std::uint32_t n = instance.class_begin[c]; n < instance.class_begin[c + 1]; ++n) {
      cheapest[c] = std::min(cheapest[c], cost[n]);
    }
  }
  // What can lie below: all that can be reached, which is the same for all classes of a component. Children come first.
  const std::vector<std::uint32_t> component = components(instance);
  const std::uint32_t count = component.empty() ? 0 : *std::max_element(component.begin(), component.end()) + 1;
  std::vector<std::vector<std::uint32_t>> members(count);
  for (std::uint32_t c = 0; c < component.size(); ++c) members[component[c]].push_back(c);
  std::vector<std::uint64_t> reached(count * words, 0);
  for (std::uint32_t k = 0; k < count; ++k) {
    std::uint64_t* const own = reached.data() + k * words;
    for (const std::uint32_t c : members[k]) {
      own[c / 64] |= std::uint64_t{1} << (c % 64);
      for (std::uint32_t n = instance.class_begin[c]; n < instance.class_begin[c + 1]; ++n) {
        for (const std::uint32_t child : instance.children_of(n)) {
          if (component[child] == k) continue;
          const std::uint64_t* const other = reached.data() + component[child] * words;
          for (std::size_t w = 0; w < words; ++w) own[w] |= other[w];
        }
      }
    }
  }
  std::vector<std::uint64_t> node_set(words);
  for (std::size_t n = 0; n < instance.node_count(); ++n) {
    const auto children = instance.children_of(n);
    if (children.size() < 2) continue;
    std::fill(node_set.begin(), node_set.end(), 0);
    for (const std::uint32_t child : children) {
      for (std::size_t w = 0; w < words; ++w) node_set[w] |= needs.row(child)[w];
    }
    for (std::size_t i = 0; i < children.size(); ++i) {
      const std::uint64_t* const below = reached.data() + component[children[i]] * words;
      double sum = 0;
      for (std::size_t w = 0; w < words; ++w) {
        for (std::uint64_t bits = node_set[w] & ~below[w]; bits != 0; bits &= bits - 1) {
          sum += cheapest[w * 64 + static_cast<std::size_t>(std::countr_zero(bits))];
        }
      }
      beside[instance.child_begin[n] + i] = sum;
    }
  }
  return beside;
}

}  // namespace

PathBounds path_bounds(const ExtractionInstance& instance, std::span<const double> cost, const Needs& needs) {
  const std::size_t classes = instance.class_count();
  const std::size_t nodes = instance.node_count();
  const std::vector<double> beside = costs_beside(instance, cost, needs);
  PathBounds result;
  result.below_node.assign(nodes, kInfinity);
  result.below.assign(classes, kInfinity);
  result.above.assign(classes, kInfinity);

  // From the leaves up, cheapest first (Knuth 1977, as in Greedy).
  std::vector<std::uint32_t> class_of(nodes);
  std::vector<std::uint32_t> waiting(nodes);
  std::vector<std::vector<std::uint32_t>> users(classes);
  Queue queue;
  const auto offer = [&](std::uint32_t n) {
    double most = 0;
    for (std::uint32_t i = instance.child_begin[n]; i < instance.child_begin[n + 1]; ++i) {
      most = std::max(most, result.below[instance.children[i]] + beside[i]);
    }
    result.below_node[n] = cost[n] + most;
    queue.push({result.below_node[n], class_of[n]});
  };
  for (std::uint32_t c = 0; c < classes; ++c) {
    for (std::uint32_t n = instance.class_begin[c]; n < instance.class_begin[c + 1]; ++n) {
      class_of[n] = c;
      waiting[n] = static_cast<std::uint32_t>(instance.children_of(n).size());
      for (const std::uint32_t child : instance.children_of(n)) users[child].push_back(n);
      if (waiting[n] == 0) offer(n);
    }
  }
  while (!queue.empty()) {
    const auto [bound, c] = queue.top();
    queue.pop();
    if (result.below[c] < kInfinity) continue;
    result.below[c] = bound;
    for (const std::uint32_t n : users[c]) {
      if (--waiting[n] == 0) offer(n);
    }
  }

  // From the roots down.
  for (const std::uint32_t root : instance.roots) {
    result.total = std::max(result.total, result.below[root]);
    result.above[root] = 0;
    queue.push({0, root});
  }
  while (!queue.empty()) {
    const auto [bound, c] = queue.top();
    queue.pop();
    if (bound > result.above[c]) continue;
    for (std::uint32_t n = instance.class_begin[c]; n < instance.class_begin[c + 1]; ++n) {
      for (std::uint32_t i = instance.child_begin[n]; i < instance.child_begin[n + 1]; ++i) {
        const double there = bound + cost[n] + beside[i];
        if (there >= result.above[instance.children[i]]) continue;
        result.above[instance.children[i]] = there;
        queue.push({there, instance.children[i]});
      }
    }
  }
  return result;
}

}  // namespace nntune::dag
