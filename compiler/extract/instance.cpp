#include "compiler/extract/instance.h"

#include "compiler/extract/solve.h"

namespace nntune::extract {

egraph::ExtractionInstance to_instance(const Problem& problem, double capacity_bytes, const StateLayouts* layouts) {
  egraph::ExtractionInstance instance;
  instance.capacity = capacity_bytes;
  const auto first_constant = static_cast<std::uint32_t>(problem.classes.size());
  std::vector<std::uint32_t> children;
  for (const ProblemClass& each : problem.classes) {
    instance.add_class();
    if (layouts != nullptr && each.state != ProblemClass::kNoState && each.layout != (*layouts)[each.state]) continue;
    for (const Option& option : each.options) {
      children = option.operands;
      for (const std::uint32_t constant : option.constants) children.push_back(first_constant + constant);
      instance.add_node(option.seconds, children);
      instance.bytes.push_back(0);
    }
  }
  for (const Constant& constant : problem.constants) {
    instance.add_class();
    instance.add_node(constant.price, {});
    instance.bytes.push_back(constant.bytes);
  }
  for (const ProblemSection& section : problem.sections) {
    instance.roots.insert(instance.roots.end(), section.roots.begin(), section.roots.end());
  }
  return instance;
}

dag::Choice to_nodes(const Problem& problem, const egraph::ExtractionInstance& instance,
                     const std::vector<std::int32_t>& choice) {
  dag::Choice nodes(instance.class_count(), dag::kNone);
  for (std::size_t c = 0; c < nodes.size(); ++c) {
    if (c >= problem.classes.size()) {
      nodes[c] = instance.class_begin[c];
    } else if (choice[c] != Solution::kNoOption) {
      const std::uint32_t node = instance.class_begin[c] + static_cast<std::uint32_t>(choice[c]);
      if (node < instance.class_begin[c + 1]) nodes[c] = node;
    }
  }
  return nodes;
}

std::vector<std::int32_t> to_options(const Problem& problem, const egraph::ExtractionInstance& instance,
                                     const dag::Choice& choice) {
  std::vector<std::int32_t> options(problem.classes.size(), Solution::kNoOption);
  for (std::size_t c = 0; c < options.size(); ++c) {
    if (choice[c] != dag::kNone) options[c] = static_cast<std::int32_t>(choice[c] - instance.class_begin[c]);
  }
  return options;
}

}  // namespace nntune::extract
