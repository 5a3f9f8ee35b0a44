#include "compiler/dag/components.h"

#include <algorithm>

namespace nntune::dag {

namespace {

constexpr std::uint32_t kNone = 0xffffffff;

}  // namespace

std::vector<std::uint32_t> components(const egraph::ExtractionInstance& instance) {
  const auto classes = static_cast<std::uint32_t>(instance.class_count());
  std::vector<std::uint32_t> component(classes, kNone);
  std::vector<std::uint32_t> index(classes, kNone);
  std::vector<std::uint32_t> low(classes, 0);
  std::vector<std::uint32_t> open;  // seen, without a component
  struct Step {
    std::uint32_t class_id;
    std::uint32_t next;  // in the common array of children
  };
  std::vector<Step> path;
  std::uint32_t count = 0;
  std::uint32_t found = 0;
  const auto enter = [&](std::uint32_t c) {
    index[c] = low[c] = count++;
    open.push_back(c);
    path.push_back({c, instance.child_begin[instance.class_begin[c]]});
  };
  for (std::uint32_t start = 0; start < classes; ++start) {
    if (index[start] != kNone) continue;
    enter(start);
    while (!path.empty()) {
      const std::uint32_t c = path.back().class_id;
      if (path.back().next < instance.child_begin[instance.class_begin[c + 1]]) {
        const std::uint32_t child = instance.children[path.back().next++];
        if (index[child] == kNone) {
          enter(child);
        } else if (component[child] == kNone) {
          low[c] = std::min(low[c], index[child]);
        }
        continue;
      }
      path.pop_back();
      if (!path.empty()) low[path.back().class_id] = std::min(low[path.back().class_id], low[c]);
      if (low[c] != index[c]) continue;
      for (std::uint32_t member = kNone; member != c;) {
        member = open.back();
        open.pop_back();
        component[member] = found;
      }
      ++found;
    }
  }
  return component;
}

}  // namespace nntune::dag
