#include "compiler/dag/evaluate.h"

namespace nntune::dag {

double excess_of(const ExtractionInstance& instance, double bytes) {
  if (!instance.limited() || bytes <= instance.capacity * (1 + kRounding)) return 0;
  return bytes - instance.capacity;
}

Value evaluate(const ExtractionInstance& instance, const Choice& choice, std::vector<std::uint32_t>* order) {
  enum class State : std::uint8_t { unseen, open, done };
  std::vector<State> state(instance.class_count(), State::unseen);
  struct Step {
    std::uint32_t class_id;
    std::uint32_t next;  // child
  };
  std::vector<Step> path;
  Value value{0, 0, 0};
  if (order != nullptr) order->clear();
  const auto enter = [&](std::uint32_t class_id) {
    if (state[class_id] == State::done) return true;
    if (state[class_id] == State::open || choice[class_id] == kNone) return false;
    state[class_id] = State::open;
    value.cost += instance.cost[choice[class_id]];
    value.bytes += instance.bytes_of(choice[class_id]);
    path.push_back({class_id, 0});
    return true;
  };
  for (const std::uint32_t root : instance.roots) {
    if (!enter(root)) return {};
    while (!path.empty()) {
      const std::uint32_t class_id = path.back().class_id;
      const auto children = instance.children_of(choice[class_id]);
      if (path.back().next < children.size()) {
        if (!enter(children[path.back().next++])) return {};
        continue;
      }
      state[class_id] = State::done;
      if (order != nullptr) order->push_back(class_id);
      path.pop_back();
    }
  }
  value.excess = excess_of(instance, value.bytes);
  return value;
}

bool belongs(const ExtractionInstance& instance, const Choice& choice) {
  if (choice.size() != instance.class_count()) return false;
  for (std::size_t c = 0; c < choice.size(); ++c) {
    if (choice[c] != kNone && (choice[c] < instance.class_begin[c] || choice[c] >= instance.class_begin[c + 1]))
      return false;
  }
  return true;
}

}  // namespace nntune::dag
