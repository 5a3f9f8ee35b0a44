#include "compiler/dag/loop_cuts.h"

#include <algorithm>
#include <set>

namespace nntune::dag {

namespace {

constexpr double kZero = 1e-7;
constexpr std::size_t kMostStarts = 200;

class LoopFinder {
 public:
  LoopFinder(const ExtractionInstance& instance, std::span<const std::uint32_t> component, std::span<const double> chosen,
             std::span<const double> needed)
      : instance_(instance),
        component_(component),
        chosen_(chosen),
        needed_(needed),
        users_(instance.class_count()),
        inside_(instance.node_count(), 0),
        member_(instance.class_count(), false) {
    class_of_.resize(instance.node_count());
    for (std::uint32_t c = 0; c < instance.class_count(); ++c) {
      for (std::uint32_t n = instance.class_begin[c]; n < instance.class_begin[c + 1]; ++n) {
        class_of_[n] = c;
        if (chosen[n] < kZero) continue;
        for (const std::uint32_t child : instance.children_of(n)) users_[child].push_back(n);
      }
    }
  }

  /// How often each class is supported from the leaves up, as far as one can say without looking at combinations.
  [[nodiscard]] std::vector<double> support() const {
    std::vector<double> of_class(needed_.size(), 0);
    std::vector<double> of_node(chosen_.size(), 0);
    std::vector<std::uint32_t> queue;
    const auto look = [&](std::uint32_t n) {
      double support = chosen_[n];
      for (const std::uint32_t child : instance_.children_of(n)) support = std::min(support, of_class[child]);
      if (support <= of_node[n] + kZero) return;
      of_class[class_of_[n]] += support - of_node[n];
      of_node[n] = support;
      queue.push_back(class_of_[n]);
    };
    for (std::uint32_t n = 0; n < chosen_.size(); ++n) {
      if (chosen_[n] >= kZero) look(n);
    }
    constexpr std::size_t kMostSteps = 200'000;  // small steps can go on for long
    for (std::size_t i = 0; i < queue.size() && i < kMostSteps; ++i) {
      for (const std::uint32_t user : users_[queue[i]]) look(user);
    }
    return of_class;
  }

  /// The set that is found from `start`, which stays in it.
  Loop find(std::uint32_t start) {
    std::fill(inside_.begin(), inside_.end(), 0U);
    std::fill(member_.begin(), member_.end(), false);
    outside_ = 0;
    std::vector<std::uint32_t> order = {start};
    toggle(start);
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::uint32_t c = order[i];
      for (std::uint32_t n = instance_.class_begin[c]; n < instance_.class_begin[c + 1]; ++n) {
        if (chosen_[n] < kZero) continue;
        for (const std::uint32_t child : instance_.children_of(n)) {
          if (member_[child] || component_[child] != component_[start]) continue;
          toggle(child);
          order.push_back(child);
        }
      }
    }
    constexpr int kMostSweeps = 10;
    for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
      bool changed = false;
      for (auto c = order.rbegin(); c != order.rend(); ++c) {
        if (*c == start) continue;
        const double before = outside_;
        toggle(*c);
        // Smaller sets make stronger inequalities.
        if (outside_ < before - kZero || (outside_ <= before + 1e-12 && !member_[*c])) {
          changed = true;
        } else {
          toggle(*c);
          outside_ = before;
        }
      }
      if (!changed) break;
    }
    Loop loop;
    loop.outside = outside_;
    for (const std::uint32_t c : order) {
      if (member_[c]) loop.classes.push_back(c);
    }
    std::sort(loop.classes.begin(), loop.classes.end());
    return loop;
  }

 private:
  void toggle(std::uint32_t c) {
    const bool enters = !member_[c];
    member_[c] = enters;
    for (std::uint32_t n = instance_.class_begin[c]; n < instance_.class_begin[c + 1]; ++n) {
      if (inside_[n] == 0) outside_ += enters ? chosen_[n] : -chosen_[n];
    }
    for (const std::uint32_t n : users_[c]) {
      const std::uint32_t before = inside_[n];
      inside_[n] = enters ? before + 1 : before - 1;
      if (!member_[class_of_[n]]) continue;
      if (enters && before == 0) outside_ -= chosen_[n];
      if (!enters && before == 1) outside_ += chosen_[n];
    }
  }

  const ExtractionInstance& instance_;
  std::span<const std::uint32_t> component_;
  std::span<const double> chosen_;
  std::span<const double> needed_;
  std::vector<std::uint32_t> class_of_;
  std::vector<std::vector<std::uint32_t>> users_;  // by class: chosen nodes with it as a child
  std::vector<std::uint32_t> inside_;              // by node: children in the set
  std::vector<bool> member_;
  double outside_ = 0;
};

}  // namespace

std::vector<Loop> unsupported_loops(const ExtractionInstance& instance, std::span<const std::uint32_t> component,
                                    std::span<const double> chosen, std::span<const double> needed, double tolerance) {
  LoopFinder finder(instance, component, chosen, needed);
  const std::vector<double> support = finder.support();
  std::vector<std::uint32_t> starts;
  for (std::uint32_t c = 0; c < needed.size(); ++c) {
    if (needed[c] > support[c] + tolerance) starts.push_back(c);
  }
  std::stable_sort(starts.begin(), starts.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return needed[a] - support[a] > needed[b] - support[b]; });
  std::vector<Loop> loops;
  std::set<std::vector<std::uint32_t>> known;
  for (std::size_t i = 0; i < std::min(starts.size(), kMostStarts); ++i) {
    Loop loop = finder.find(starts[i]);
    const bool broken = std::any_of(loop.classes.begin(), loop.classes.end(),
                                    [&](std::uint32_t c) { return needed[c] > loop.outside + tolerance; });
    if (broken && known.insert(loop.classes).second) loops.push_back(std::move(loop));
  }
  return loops;
}

}  // namespace nntune::dag
