#include "compiler/dag/reduce.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "compiler/dag/landmarks.h"
#include "compiler/dag/path_bounds.h"

namespace nntune::dag {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Keeps some classes and nodes.
Reduction restrict(const ExtractionInstance& instance, const std::vector<bool>& keep_class,
                   const std::vector<bool>& keep_node) {
  Reduction result;
  ExtractionInstance& to = result.instance;
  to.capacity = instance.capacity;
  std::vector<std::uint32_t> renamed(instance.class_count(), kNone);
  for (std::uint32_t c = 0; c < instance.class_count(); ++c) {
    if (!keep_class[c]) continue;
    renamed[c] = static_cast<std::uint32_t>(result.class_of.size());
    result.class_of.push_back(c);
  }
  std::vector<std::uint32_t> children;
  for (const std::uint32_t c : result.class_of) {
    to.add_class();
    for (std::uint32_t n = instance.class_begin[c]; n < instance.class_begin[c + 1]; ++n) {
      if (!keep_node[n]) continue;
      children.clear();
      for (const std::uint32_t child : instance.children_of(n)) children.push_back(renamed[child]);
      std::sort(children.begin(), children.end());
      children.erase(std::unique(children.begin(), children.end()), children.end());
      to.add_node(instance.cost[n], children);
      if (!instance.bytes.empty()) to.bytes.push_back(instance.bytes[n]);
      result.node_of.push_back(n);
    }
  }
  for (const std::uint32_t root : instance.roots) to.roots.push_back(renamed[root]);
  std::sort(to.roots.begin(), to.roots.end());
  to.roots.erase(std::unique(to.roots.begin(), to.roots.end()), to.roots.end());
  return result;
}

bool asked(const std::function<bool()>& stop) { return stop && stop(); }

}  // namespace

Reduction compose(const Reduction& first, Reduction second) {
  for (std::uint32_t& c : second.class_of) c = first.class_of[c];
  for (std::uint32_t& n : second.node_of) n = first.node_of[n];
  return second;
}

Reduction keep_nodes(const ExtractionInstance& instance, const std::vector<bool>& keep_node) {
  const Reduction kept = restrict(instance, std::vector<bool>(instance.class_count(), true), keep_node);
  return compose(kept, drop_useless(kept.instance));
}

std::uint32_t underivable_root(const ExtractionInstance& instance) {
  for (const std::uint32_t root : instance.roots) {
    if (instance.class_begin[root] == instance.class_begin[root + 1]) return root;
  }
  return kNone;
}

Choice Reduction::lift(const Choice& choice, std::size_t original_classes) const {
  Choice result(original_classes, kNone);
  for (std::size_t c = 0; c < choice.size(); ++c) {
    if (choice[c] != kNone) result[class_of[c]] = node_of[choice[c]];
  }
  return result;
}

bool Reduction::lower(const Choice& original, Choice& choice) const {
  choice.assign(instance.class_count(), kNone);
  bool whole = true;
  for (std::uint32_t c = 0; c < choice.size(); ++c) {
    const std::uint32_t wanted = original[class_of[c]];
    if (wanted == kNone) continue;
    // Nodes keep their order.
    const auto begin = node_of.begin() + instance.class_begin[c];
    const auto end = node_of.begin() + instance.class_begin[c + 1];
    const auto found = std::lower_bound(begin, end, wanted);
    if (found != end && *found == wanted) {
      choice[c] = static_cast<std::uint32_t>(found - node_of.begin());
    } else {
      whole = false;
    }
  }
  return whole;
}

Reduction drop_useless(const ExtractionInstance& instance) {
  const std::size_t classes = instance.class_count();
  const std::size_t nodes = instance.node_count();
  // Derivable from the leaves up: a node once all of its children are. Its own class as a child keeps a node waiting until that
  // is derivable without it, so it is left out from the start.
  std::vector<std::uint32_t> user_begin(classes + 1, 0);
  for (const std::uint32_t child : instance.children) ++user_begin[child + 1];
  for (std::size_t c = 0; c < classes; ++c) user_begin[c + 1] += user_begin[c];
  std::vector<std::uint32_t> users(instance.children.size());
  std::vector<std::uint32_t> at(user_begin.begin(), user_begin.end() - 1);
  std::vector<std::uint32_t> class_of(nodes);
  std::vector<std::uint32_t> waiting(nodes);
  std::vector<bool> own_child(nodes, false);
  for (std::uint32_t c = 0; c < classes; ++c) {
    for (std::uint32_t n = instance.class_begin[c]; n < instance.class_begin[c + 1]; ++n) {
      class_of[n] = c;
      waiting[n] = static_cast<std::uint32_t>(instance.children_of(n).size());
      for (const std::uint32_t child : instance.children_of(n)) {
        users[at[child]++] = n;
        if (child == c) own_child[n] = true;
      }
    }
  }
  std::vector<bool> keep_node(nodes, false);
  std::vector<bool> derivable(classes, false);
  std::vector<std::uint32_t> queue;
  const auto ready = [&](std::uint32_t n) {
    if (own_child[n]) return;
    keep_node[n] = true;
    if (!derivable[class_of[n]]) {
      derivable[class_of[n]] = true;
      queue.push_back(class_of[n]);
    }
  };
  for (std::uint32_t n = 0; n < nodes; ++n) {
    if (waiting[n] == 0) ready(n);
  }
  while (!queue.empty()) {
    const std::uint32_t c = queue.back();
    queue.pop_back();
    for (std::uint32_t i = user_begin[c]; i < user_begin[c + 1]; ++i) {
      if (--waiting[users[i]] == 0) ready(users[i]);
    }
  }
  // Reached from the roots down.
  std::vector<bool> reached(classes, false);
  for (const std::uint32_t root : instance.roots) {
    if (!reached[root]) queue.push_back(root);
    reached[root] = true;
  }
  while (!queue.empty()) {
    const std::uint32_t c = queue.back();
    queue.pop_back();
    for (std::uint32_t n = instance.class_begin[c]; n < instance.class_begin[c + 1]; ++n) {
      if (!keep_node[n]) continue;
      for (const std::uint32_t child : instance.children_of(n)) {
        if (!reached[child]) queue.push_back(child);
        reached[child] = true;
      }
    }
  }
  return restrict(instance, reached, keep_node);
}

Needs::Needs(const ExtractionInstance& instance, const std::function<bool()>& stop) {
  const auto classes = static_cast<std::uint32_t>(instance.class_count());
  if (classes == 0 || classes > kMostClasses) return;
  words_ = (classes + 63) / 64;
  sets_.assign(classes * words_, 0);
  std::vector<bool> known(classes, false);  // else: everything, the top of the lattice
  std::vector<std::vector<std::uint32_t>> user_classes(classes);
  for (std::uint32_t c = 0; c < classes; ++c) {
    for (std::uint32_t n = instance.class_begin[c]; n < instance.class_begin[c + 1]; ++n) {
      for (const std::uint32_t child : instance.children_of(n)) {
        if (user_classes[child].empty() || user_classes[child].back() != c) user_classes[child].push_back(c);
      }
    }
  }
  // Children first, so that most classes are looked at a few times only.
  std::vector<std::uint32_t> queue = [&] {
    Greedy greedy(instance);
    (void)greedy.run(instance.cost, Greedy::Sharing::tree);
    std::vector<std::uint32_t> order(classes);
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return greedy.totals()[a] < greedy.totals()[b]; });
    return order;
  }();
  std::vector<bool> queued(classes, true);
  std::vector<std::uint64_t> node_set(words_);
  std::vector<std::uint64_t> class_set(words_);
  std::vector<std::uint32_t> next;
  std::size_t looked_at = 0;
  while (!queue.empty()) {
    for (const std::uint32_t c : queue) {
      queued[c] = false;
      if (++looked_at % 256 == 0 && asked(stop)) {
        sets_.clear();
        return;
      }
      bool first = true;
      for (std::uint32_t n = instance.class_begin[c]; n < instance.class_begin[c + 1]; ++n) {
        std::fill(node_set.begin(), node_set.end(), 0);
        bool possible = true;
        for (const std::uint32_t child : instance.children_of(n)) {
          possible = possible && known[child] && !needs(child, c);
          if (!possible) break;
          const std::uint64_t* const child_set = row(child);
          for (std::size_t w = 0; w < words_; ++w) node_set[w] |= child_set[w];
        }
        if (!possible) continue;
        if (first) {
          class_set = node_set;
        } else {
          for (std::size_t w = 0; w < words_; ++w) class_set[w] &= node_set[w];
        }
        first = false;
      }
      if (first) continue;  // nothing possible yet
      class_set[c / 64] |= std::uint64_t{1} << (c % 64);
      std::uint64_t* const own = sets_.data() + c * words_;
      if (known[c] && std::equal(class_set.begin(), class_set.end(), own)) continue;
      known[c] = true;
      std::copy(class_set.begin(), class_set.end(), own);
      for (const std::uint32_t user : user_classes[c]) {
        if (!queued[user]) {
          queued[user] = true;
          next.push_back(user);
        }
      }
    }
    queue.swap(next);
    next.clear();
  }
}

ReducedOnce reduce_once(const ExtractionInstance& instance, double cutoff, const std::function<bool()>& stop,
                        std::size_t effort) {
  ReducedOnce result;
  const std::size_t classes = instance.class_count();
  std::vector<bool> keep_node(instance.node_count(), true);
  const Needs needs(instance, stop);
  const auto unchanged = [&] {
    result.reduction = restrict(instance, std::vector<bool>(classes, true), std::vector<bool>(instance.node_count(), true));
    return result;
  };
  const PathBounds paths = path_bounds(instance, instance.cost, needs);
  // Rounds take a time that is linear in the nodes.
  const std::size_t rounds = std::clamp<std::size_t>(effort / std::max<std::size_t>(1, instance.node_count()), 20, 1000);
  const Landmarks landmarks = find_landmarks(instance, rounds, stop);
  const PathBounds rest_paths = path_bounds(instance, landmarks.rest, needs);
  result.lower_bound = std::max(paths.total, landmarks.bound + rest_paths.total);
  if (!needs.known()) return unchanged();

  std::vector<double> cheapest(classes, kInfinity);
  for (std::uint32_t c = 0; c < classes; ++c) {
    for (std::uint32_t n = instance.class_begin[c]; n < instance.class_begin[c + 1]; ++n) {
      cheapest[c] = std::min(cheapest[c], instance.cost[n]);
    }
  }
  const std::size_t words = needs.words();
  std::vector<std::uint64_t> of_roots(words, 0);
  for (const std::uint32_t root : instance.roots) {
    for (std::size_t w = 0; w < words; ++w) of_roots[w] |= needs.row(root)[w];
  }
  const auto sum_of = [&](const std::uint64_t* set, const std::uint64_t* without) {
    double sum = 0;
    for (std::size_t w = 0; w < words; ++w) {
      for (std::uint64_t bits = set[w] & ~(without != nullptr ? without[w] : 0); bits != 0; bits &= bits - 1) {
        sum += cheapest[w * 64 + static_cast<std::size_t>(std::countr_zero(bits))];
      }
    }
    return sum;
  };
  const double of_roots_cost = sum_of(of_roots.data(), nullptr);
  result.lower_bound = std::max(result.lower_bound, of_roots_cost);

  std::vector<std::uint64_t> node_set(words);
  for (std::uint32_t c = 0; c < classes; ++c) {
    const std::uint32_t begin = instance.class_begin[c];
    const std::uint32_t end = instance.class_begin[c + 1];
    const bool forced = ((of_roots[c / 64] >> (c % 64)) & 1) != 0;
    if (c % 64 == 0 && asked(stop)) return unchanged();
    for (std::uint32_t n = begin; n < end; ++n) {
      std::fill(node_set.begin(), node_set.end(), 0);
      for (const std::uint32_t child : instance.children_of(n)) {
        for (std::size_t w = 0; w < words; ++w) node_set[w] |= needs.row(child)[w];
      }
      const auto needed = [&](std::uint32_t other) { return ((node_set[other / 64] >> (other % 64)) & 1) != 0; };
      bool keep = !needed(c);
      for (std::uint32_t m = begin; m < end && keep; ++m) {
        if (m == n || !keep_node[m] || instance.cost[m] > instance.cost[n] || instance.bytes_of(m) > instance.bytes_of(n)) {
          continue;
        }
        const auto children = instance.children_of(m);
        keep = !std::all_of(children.begin(), children.end(), needed);
      }
      if (keep && cutoff < kInfinity) {
        const double bound =
            of_roots_cost + sum_of(node_set.data(), of_roots.data()) + instance.cost[n] - (forced ? cheapest[c] : 0);
        const double path = paths.above[c] + paths.below_node[n];
        const double landmark = landmarks.bound + rest_paths.above[c] + rest_paths.below_node[n];
        keep = cheaper(std::max({bound, path, landmark}), cutoff);
      }
      keep_node[n] = keep;
      result.changed = result.changed || !keep;
    }
  }
  result.reduction = restrict(instance, std::vector<bool>(classes, true), keep_node);
  return result;
}

Reduced reduce(const ExtractionInstance& instance, double cutoff, const std::function<bool()>& stop, std::size_t effort) {
  Reduced result;
  result.reduction = drop_useless(instance);
  while (true) {
    ReducedOnce once = reduce_once(result.reduction.instance, cutoff, stop, effort);
    result.lower_bound = std::max(result.lower_bound, std::min(once.lower_bound, cutoff));
    if (!once.changed) return result;
    result.reduction = compose(result.reduction, std::move(once.reduction));
    result.reduction = compose(result.reduction, drop_useless(result.reduction.instance));
    if (underivable_root(result.reduction.instance) != kNone) {  // every derivation was as expensive as the cutoff
      result.lower_bound = cutoff;
      return result;
    }
  }
}

double cost_grid(const ExtractionInstance& instance) {
  for (const double scale : {1.0, 10.0, 100.0, 1000.0}) {
    std::int64_t divisor = 0;
    bool whole = true;
    for (const double cost : instance.cost) {
      const double scaled = cost * scale;
      const double rounded = std::round(scaled);
      whole = whole && rounded < 1e12 && std::abs(scaled - rounded) <= 1e-9 * std::max(1.0, rounded);
      if (!whole) break;
      divisor = std::gcd(divisor, static_cast<std::int64_t>(rounded));
    }
    if (whole && divisor > 0) return static_cast<double>(divisor) / scale;
  }
  return 0;
}

double round_up(double bound, double grid) {
  if (grid <= 0 || !std::isfinite(bound)) return bound;
  // A bound is trusted to 1e-6 of itself, and of a step.
  const double slack = 1e-6 * std::max(1.0, std::abs(bound) / grid);
  return slack > 0.5 ? bound : std::max(bound, grid * std::ceil(bound / grid - slack));
}

}  // namespace nntune::dag
