#include "compiler/extract/rule_trace.h"

#include <algorithm>
#include <map>
#include <utility>

namespace nntune::extract {

using egraph::EGraph;
using egraph::Match;
using egraph::NodeId;

std::vector<egraph::Rewrite> RuleTrace::follow(std::vector<egraph::Rewrite> rules) {
  for (egraph::Rewrite& rule : rules) {
    const auto number = static_cast<std::uint32_t>(names_.size());
    names_.push_back(rule.name);
    rule.apply = [this, number, apply = std::move(rule.apply)](EGraph& graph, const Match& match) {
      const auto begin = static_cast<NodeId>(graph.total_nodes());
      auto result = apply(graph, match);
      if (const auto end = static_cast<NodeId>(graph.total_nodes()); end != begin) {
        std::vector<NodeId> matched(match.nodes.begin(), match.nodes.end());
        if (matched.empty()) matched.push_back(match.root);  // node n is the first of class n
        additions_.push_back({begin, end, number, std::move(matched)});
      }
      return result;
    };
  }
  return rules;
}

const RuleTrace::Addition* RuleTrace::addition(NodeId node) const {
  const auto after = std::upper_bound(additions_.begin(), additions_.end(), node,
                                      [](NodeId id, const Addition& each) { return id < each.begin; });
  if (after == additions_.begin() || node >= (after - 1)->end) return nullptr;
  return &*(after - 1);
}

std::uint32_t RuleTrace::rule(NodeId node) const {
  const Addition* const found = addition(node);
  return found == nullptr ? kImported : found->rule;
}

std::vector<RuleStep> RuleTrace::steps(const EGraph& graph, NodeId node) const {
  std::map<const Addition*, NodeId> needed;  // with the node that was needed; addresses ascend in time
  std::vector<NodeId> open = {node};
  while (!open.empty()) {
    const NodeId at = open.back();
    open.pop_back();
    const Addition* const found = addition(at);
    if (found == nullptr || !needed.emplace(found, at).second) continue;
    open.insert(open.end(), found->matched.begin(), found->matched.end());
  }
  std::vector<RuleStep> result;
  for (const auto& [found, made] : needed) {
    result.push_back({names_[found->rule], std::string(graph.text(made))});
  }
  return result;
}

}  // namespace nntune::extract
