#include "compiler/dag/landmarks.h"

#include <algorithm>
#include <limits>
#include <map>
#include <queue>
#include <set>

namespace nntune::dag {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The most expensive unavoidable path below each class, for changing costs.
class Heights {
 public:
  explicit Heights(const ExtractionInstance& instance)
      : instance_(instance), class_of_(instance.node_count()), child_counts_(instance.node_count()) {
    user_begin_.assign(instance.class_count() + 1, 0);
    for (const std::uint32_t child : instance.children) ++user_begin_[child + 1];
    for (std::size_t c = 0; c < instance.class_count(); ++c) user_begin_[c + 1] += user_begin_[c];
    users_.resize(instance.children.size());
    std::vector<std::uint32_t> at(user_begin_.begin(), user_begin_.end() - 1);
    for (std::uint32_t c = 0; c < instance.class_count(); ++c) {
      for (std::uint32_t n = instance.class_begin[c]; n < instance.class_begin[c + 1]; ++n) {
        class_of_[n] = c;
        child_counts_[n] = static_cast<std::uint32_t>(instance.children_of(n).size());
        for (const std::uint32_t child : instance.children_of(n)) users_[at[child]++] = n;
      }
    }
  }

  void compute(std::span<const double> cost) {
    height_.assign(instance_.class_count(), kInfinity);
    highest_child_.assign(instance_.node_count(), kNone);
    waiting_ = child_counts_;
    const auto offer = [&](std::uint32_t n, double below) {
      if (const double total = below + cost[n]; total < height_[class_of_[n]]) {
        height_[class_of_[n]] = total;
        queue_.push({total, class_of_[n]});
      }
    };
    for (std::uint32_t n = 0; n < waiting_.size(); ++n) {
      if (waiting_[n] == 0) offer(n, 0);
    }
    std::vector<bool> done(instance_.class_count(), false);
    while (!queue_.empty()) {
      const auto [total, c] = queue_.top();
      queue_.pop();
      if (done[c]) continue;
      done[c] = true;
      for (const std::uint32_t n : users(c)) {
        if (--waiting_[n] > 0) continue;
        highest_child_[n] = c;  // the last one
        offer(n, total);
      }
    }
  }

  [[nodiscard]] double of(std::uint32_t class_id) const { return height_[class_id]; }
  [[nodiscard]] std::uint32_t highest_child(std::uint32_t node) const { return highest_child_[node]; }
  [[nodiscard]] std::uint32_t class_of(std::uint32_t node) const { return class_of_[node]; }
  [[nodiscard]] std::span<const std::uint32_t> users(std::uint32_t c) const {
    return std::span(users_).subspan(user_begin_[c], user_begin_[c + 1] - user_begin_[c]);
  }
  [[nodiscard]] std::uint32_t highest_root() const {
    return *std::max_element(instance_.roots.begin(), instance_.roots.end(),
                             [this](std::uint32_t a, std::uint32_t b) { return height_[a] < height_[b]; });
  }

 private:
  using Entry = std::pair<double, std::uint32_t>;

  const ExtractionInstance& instance_;
  std::vector<std::uint32_t> class_of_;
  std::vector<std::uint32_t> child_counts_;
  std::vector<std::uint32_t> user_begin_, users_;
  std::vector<std::uint32_t> waiting_;
  std::vector<double> height_;
  std::vector<std::uint32_t> highest_child_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue_;
};

/// Nodes of classes in the set without a child in it.
std::vector<std::uint32_t> exits(const ExtractionInstance& instance, const std::vector<bool>& member) {
  std::vector<std::uint32_t> result;
  for (std::uint32_t c = 0; c < member.size(); ++c) {
    if (!member[c]) continue;
    for (std::uint32_t n = instance.class_begin[c]; n < instance.class_begin[c + 1]; ++n) {
      const auto children = instance.children_of(n);
      if (std::none_of(children.begin(), children.end(), [&](std::uint32_t child) { return member[child]; })) {
        result.push_back(n);
      }
    }
  }
  return result;
}

}  // namespace

Landmarks find_landmarks(const ExtractionInstance& instance, std::size_t most, const std::function<bool()>& stop) {
  Landmarks result;
  result.rest = instance.cost;
  Heights heights(instance);
  double largest = 0;
  for (const double cost : instance.cost) largest = std::max(largest, cost);
  const double zero = 1e-11 * largest;  // what rounding leaves
  std::vector<bool> goal(instance.class_count());
  std::vector<bool> outside(instance.class_count());  // not in the set that the landmark leaves
  std::vector<std::uint32_t> queue;
  for (std::size_t round = 0; round < most && !(stop && stop()); ++round) {
    heights.compute(result.rest);
    const std::uint32_t root = heights.highest_root();
    if (!(heights.of(root) > zero) || heights.of(root) == kInfinity) break;
    // From where the root is reached at no cost, along the highest children.
    goal.assign(goal.size(), false);
    goal[root] = true;
    queue = {root};
    while (!queue.empty()) {
      const std::uint32_t c = queue.back();
      queue.pop_back();
      for (std::uint32_t n = instance.class_begin[c]; n < instance.class_begin[c + 1]; ++n) {
        const std::uint32_t child = heights.highest_child(n);
        if (result.rest[n] > zero || child == kNone || goal[child]) continue;
        goal[child] = true;
        queue.push_back(child);
      }
    }
    // What is reached from the leaves before that.
    outside.assign(outside.size(), false);
    const auto reach = [&](std::uint32_t n) {
      const std::uint32_t c = heights.class_of(n);
      if (goal[c] || outside[c]) return;
      outside[c] = true;
      queue.push_back(c);
    };
    for (std::uint32_t n = 0; n < instance.node_count(); ++n) {
      if (instance.children_of(n).empty()) reach(n);
    }
    while (!queue.empty()) {
      const std::uint32_t c = queue.back();
      queue.pop_back();
      for (const std::uint32_t n : heights.users(c)) {
        if (heights.highest_child(n) == c) reach(n);
      }
    }
    std::vector<bool> inside(outside);
    inside.flip();
    std::vector<std::uint32_t> landmark = exits(instance, inside);
    double charge = kInfinity;
    for (const std::uint32_t n : landmark) charge = std::min(charge, result.rest[n]);
    if (!(charge > 0) || charge == kInfinity) break;
    for (const std::uint32_t n : landmark) result.rest[n] -= charge;
    result.bound += charge;
    result.sets.push_back(std::move(landmark));
  }
  return result;
}

std::vector<std::vector<std::uint32_t>> landmarks_broken_by(const ExtractionInstance& instance,
                                                            std::span<const double> chosen, double tolerance) {
  Heights heights(instance);
  heights.compute(chosen);
  // A cut at height t leaves through nodes whose children are all under t: between their highest child and their class.
  std::vector<std::vector<std::uint32_t>> result;
  std::map<double, double> changes;  // of the cut's weight as t grows
  for (std::uint32_t n = 0; n < instance.node_count(); ++n) {
    const std::uint32_t child = heights.highest_child(n);
    if (child == kNone && !instance.children_of(n).empty()) continue;
    const double low = child == kNone ? 0 : heights.of(child);
    const double high = heights.of(heights.class_of(n));
    if (chosen[n] <= 0 || high <= low) continue;
    changes[low] += chosen[n];
    changes[high] -= chosen[n];
  }
  double weight = 0;
  std::vector<std::pair<double, double>> cuts;  // weight and a height just over which it holds
  for (const std::uint32_t root : {heights.highest_root()}) {
    for (const auto& [at, change] : changes) {
      weight += change;
      if (at < heights.of(root) && weight < 1 - tolerance) cuts.emplace_back(weight, at);
    }
  }
  std::sort(cuts.begin(), cuts.end());
  constexpr std::size_t kMost = 50;
  std::set<std::vector<std::uint32_t>> known;
  for (std::size_t i = 0; i < std::min(cuts.size(), kMost); ++i) {
    std::vector<bool> member(instance.class_count());
    for (std::uint32_t c = 0; c < member.size(); ++c) member[c] = heights.of(c) > cuts[i].second;
    std::vector<std::uint32_t> landmark = exits(instance, member);
    if (known.insert(landmark).second) result.push_back(std::move(landmark));
  }
  return result;
}

}  // namespace nntune::dag
