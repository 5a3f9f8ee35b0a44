/// Small extraction problems, and their answers by trying everything.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "compiler/egraph/extraction_instance.h"

namespace nntune::dag {

struct SmallNode {
  double cost = 0;
  std::vector<std::uint32_t> children;
  double bytes = 0;
};
using SmallClasses = std::vector<std::vector<SmallNode>>;

inline egraph::ExtractionInstance make_instance(const SmallClasses& classes, std::vector<std::uint32_t> roots,
                                                double capacity = std::numeric_limits<double>::infinity()) {
  egraph::ExtractionInstance instance;
  for (const std::vector<SmallNode>& nodes : classes) {
    instance.add_class();
    for (const SmallNode& node : nodes) {
      instance.add_node(node.cost, node.children);
      instance.bytes.push_back(node.bytes);
    }
  }
  instance.roots = std::move(roots);
  instance.capacity = capacity;
  return instance;
}

/// Up to 9 classes with up to 3 nodes each: cycles, self loops, classes without a derivation, several and repeated roots.
inline egraph::ExtractionInstance random_instance(std::uint64_t seed, bool limited) {
  std::mt19937_64 random(seed);
  const auto below = [&random](std::uint64_t count) { return static_cast<std::uint32_t>(random() % count); };
  SmallClasses classes(2 + below(8));
  const bool whole = below(2) == 0;
  for (std::vector<SmallNode>& nodes : classes) {
    nodes.resize(1 + below(3));
    for (SmallNode& node : nodes) {
      node.cost = whole ? below(5) : static_cast<double>(below(1000)) / 7;
      node.bytes = limited ? below(6) : 0;
      node.children.resize(below(4) == 0 ? 0 : 1 + below(3));
      for (std::uint32_t& child : node.children) child = below(classes.size());
    }
  }
  std::vector<std::uint32_t> roots(1 + below(3));
  for (std::uint32_t& root : roots) root = below(classes.size());
  return make_instance(classes, std::move(roots), limited ? 4.0 + below(16) : std::numeric_limits<double>::infinity());
}

/// Cost of the cheapest extraction, infinite if there is none: every choice of every class is tried, by the definition.
inline double cheapest_by_trying(const egraph::ExtractionInstance& instance) {
  const std::size_t classes = instance.class_count();
  std::vector<std::uint32_t> choice(instance.class_begin.begin(), instance.class_begin.end() - 1);
  double best = std::numeric_limits<double>::infinity();
  while (true) {
    std::vector<int> state(classes, 0);  // 1: open, 2: done
    double cost = 0;
    double bytes = 0;
    const auto visit = [&](const auto& self, std::uint32_t c) -> bool {
      if (state[c] == 2) return true;
      if (state[c] == 1) return false;
      state[c] = 1;
      cost += instance.cost[choice[c]];
      bytes += instance.bytes[choice[c]];
      for (const std::uint32_t child : instance.children_of(choice[c])) {
        if (!self(self, child)) return false;
      }
      state[c] = 2;
      return true;
    };
    if (std::all_of(instance.roots.begin(), instance.roots.end(), [&](std::uint32_t root) { return visit(visit, root); }) &&
        bytes <= instance.capacity) {
      best = std::min(best, cost);
    }
    std::size_t c = 0;
    while (c < classes && ++choice[c] == instance.class_begin[c + 1]) {
      choice[c] = instance.class_begin[c];
      ++c;
    }
    if (c == classes) return best;
  }
}

}  // namespace nntune::dag
