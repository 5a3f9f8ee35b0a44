#include "compiler/extract/rule_trace.h"

#include <cassert>
#include <optional>
#include <utility>

namespace nntune::extract {

using egraph::ClassId;
using egraph::EGraph;
using egraph::Match;
using egraph::NodeId;

std::vector<egraph::Rewrite> RuleTrace::follow(EGraph& graph, std::vector<egraph::Rewrite> rules) {
  assert(graph_ == nullptr && graph.proofs() == nullptr);
  graph_ = &graph;
  graph.rebuild();
  for (NodeId node = 0; node < graph.total_nodes(); ++node) {
    added(node, graph.children(node));
    if (graph.find(node) != node) unions_.push_back({node, graph.find(node), Union::kGiven});
  }
  graph.listen(this);
  for (egraph::Rewrite& rule : rules) {
    const auto number = static_cast<std::uint32_t>(names_.size());
    names_.push_back(rule.name);
    rule.left = rule.left.with_all_nodes(graph.symbols());
    lefts_.push_back({{rule.left.links().begin(), rule.left.links().end()}, rule.left.variables().nodes.size()});
    egraph::Applier apply = std::move(rule.apply);
    if (!apply) {
      apply = [right = std::move(*rule.right)](EGraph& changed, const Match& match) mutable -> std::optional<ClassId> {
        right.apply(changed, match.root, match.classes);
        return std::nullopt;
      };
      rule.right.reset();
    }
    rule.apply = [this, number, root = rule.left.root_node(), apply = std::move(apply)](
                     EGraph& changed, const Match& match) -> std::optional<ClassId> {
      begin(number, match, root ? match.nodes[*root] : match.root);
      if (const auto result = apply(changed, match)) changed.merge(match.root, *result);
      match_ = nullptr;
      return std::nullopt;
    };
  }
  return rules;
}

void RuleTrace::begin(std::uint32_t rule, const Match& match, NodeId root) {
  match_ = &match;
  rule_ = rule;
  root_ = root;
  current_ = kImported;
  seen_.clear();
}

/// The application being made, which changes the graph now; kImported: none is.
std::uint32_t RuleTrace::application() {
  if (match_ == nullptr) return kImported;
  if (current_ == kImported) {
    current_ = static_cast<std::uint32_t>(applications_.size());
    applications_.push_back(
        {rule_, static_cast<std::uint32_t>(matched_.size()), root_, static_cast<std::uint32_t>(unions_.size())});
    matched_.insert(matched_.end(), match_->nodes.begin(), match_->nodes.end());
  }
  return current_;
}

void RuleTrace::added(NodeId node, std::span<const ClassId> children) {
  assert(node == nodes_.size());
  nodes_.push_back({static_cast<std::uint32_t>(operands_.size()), application()});
  operands_.insert(operands_.end(), children.begin(), children.end());
  found(node);
}

/// The node that the application being made has in mind with this class: one of its left or right side.
NodeId RuleTrace::node_of(ClassId id) const {
  const ClassId leader = graph_->find(id);
  const auto is_in = [&](NodeId node) { return graph_->find(node) == leader; };
  if (is_in(root_)) return root_;
  for (const NodeId node : match_->nodes) {
    if (is_in(node)) return node;
  }
  for (auto node = seen_.rbegin(); node != seen_.rend(); ++node) {
    if (is_in(*node)) return *node;
  }
  return id;
}

void RuleTrace::merging(ClassId a, ClassId b, bool by_congruence) {
  if (by_congruence) {
    unions_.push_back({a, b, Union::kCongruence});
    return;
  }
  const std::uint32_t why = application();
  unions_.push_back(why == kImported ? Union{a, b, Union::kGiven} : Union{node_of(a), node_of(b), why});
}

std::uint32_t RuleTrace::rule(NodeId node) const {
  const std::uint32_t application = added_by(node);
  return application == kImported ? kImported : applications_[application].rule;
}

}  // namespace nntune::extract
