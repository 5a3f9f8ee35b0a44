#include "compiler/extract/rule_trace.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

namespace nntune::extract {

using egraph::ClassId;
using egraph::EGraph;
using egraph::Match;
using egraph::NodeId;
using egraph::Sexpr;

namespace {

/// The expressions of a pattern that is several, separated by commas; none that names its class ("?v = ...").
std::vector<Sexpr> expressions(std::string_view pattern) {
  std::vector<Sexpr> result;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= pattern.size(); ++i) {
    if (i < pattern.size()) {
      depth += pattern[i] == '(' || pattern[i] == '{' ? 1 : pattern[i] == ')' || pattern[i] == '}' ? -1 : 0;
      if (pattern[i] != ',' || depth > 0) continue;
    }
    if (auto parsed = egraph::parse_sexpr(pattern.substr(begin, i - begin))) result.push_back(std::move(*parsed));
    begin = i + 1;
  }
  return result;
}

bool is_variable(const Sexpr& term) { return term.operands.empty() && term.head.starts_with('?'); }

/// The class of a term under a match; appends the nodes of its operators. Nothing where it has operators that match by head.
std::optional<ClassId> find_nodes(const EGraph& graph, const Match& match, const Sexpr& term, std::vector<NodeId>& nodes) {
  if (is_variable(term)) return graph.find(match[std::string_view(term.head).substr(1)]);
  const auto symbol = graph.symbols().find(term.head);
  std::vector<ClassId> operands;
  for (const Sexpr& each : term.operands) {
    const auto operand = find_nodes(graph, match, each, nodes);
    if (!operand) return std::nullopt;
    operands.push_back(*operand);
  }
  const auto id = symbol ? graph.lookup(*symbol, operands) : std::nullopt;
  if (!id || operands.empty()) return id;
  std::optional<NodeId> found;
  graph.for_each_parent(operands.front(), [&](NodeId node) {
    if (found || graph.symbol(node) != *symbol || graph.find(node) != graph.find(*id)) return;
    if (std::ranges::equal(graph.children(node), operands, {}, [&](ClassId child) { return graph.find(child); }))
      found = node;
  });
  if (found) nodes.push_back(*found);
  return id;
}

/// The nodes that a match is of: those its pattern names, else those that its expressions stand for.
std::vector<NodeId> matched_nodes(const EGraph& graph, const Match& match, const std::vector<Sexpr>& left) {
  std::vector<NodeId> nodes(match.nodes.begin(), match.nodes.end());
  if (nodes.empty()) {
    for (const Sexpr& term : left) find_nodes(graph, match, term, nodes);
  }
  if (nodes.empty()) nodes.push_back(match.root);  // node n is the first of class n
  return nodes;
}

}  // namespace

std::vector<egraph::Rewrite> RuleTrace::follow(std::vector<egraph::Rewrite> rules) {
  for (egraph::Rewrite& rule : rules) {
    const auto number = static_cast<std::uint32_t>(names_.size());
    names_.push_back(rule.name);
    egraph::Applier apply = std::move(rule.apply);
    if (!apply) {
      apply = [right = std::move(*rule.right)](EGraph& graph, const Match& match) mutable -> std::optional<ClassId> {
        right.apply(graph, match.root, match.classes);
        return match.root;
      };
      rule.right.reset();
    }
    rule.apply = [this, number, left = expressions(rule.left.text()), apply = std::move(apply)](EGraph& graph,
                                                                                                const Match& match) {
      const auto begin = static_cast<NodeId>(graph.total_nodes());
      auto result = apply(graph, match);
      if (const auto end = static_cast<NodeId>(graph.total_nodes()); end != begin) {
        additions_.push_back({begin, end, number, matched_nodes(graph, match, left)});
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
