#include "compiler/extract/rule_steps.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace nntune::extract {

using egraph::NodeId;
using egraph::Pattern;

/// The answer to one question: what is needed, each once and after what it rests on.
class RuleSteps::Walk {
 public:
  explicit Walk(const RuleSteps& all) : all_(all), trace_(all.trace_) {}

  /// Why the value of `node` is there, by unions before `end`: it equals an imported operation, or a rule made it of others.
  void justify(NodeId node, std::uint32_t end) {
    if (!justified_.insert(pair(node, end)).second) return;
    const auto imported = [this](NodeId other) { return trace_.added_by(other) == RuleTrace::kImported; };
    if (const auto path = find_path(node, end, imported)) {
      follow(*path);
    } else {
      const std::uint32_t maker = trace_.added_by(node);
      justify(trace_.applications()[maker].root, trace_.applications()[maker].unions_before);
      apply(maker, node, false);
    }
  }

  [[nodiscard]] std::vector<RuleStep> take() { return std::move(steps_); }

 private:
  struct Hop {
    NodeId to;
    std::uint32_t edge;
  };
  struct Path {
    NodeId from;
    std::vector<Hop> hops;
  };

  [[nodiscard]] static std::uint64_t pair(std::uint32_t a, std::uint32_t b) { return (std::uint64_t{a} << 32) | b; }

  /// From the nearest node with a property to `node`, along unions before `end`.
  template <class Wanted>
  [[nodiscard]] std::optional<Path> find_path(NodeId node, std::uint32_t end, Wanted&& wanted) const {
    std::vector<NodeId> queue = {node};
    std::unordered_map<NodeId, Hop> towards = {{node, {node, 0}}};  // the next one on the way to `node`
    for (std::size_t i = 0; i < queue.size(); ++i) {
      const NodeId at = queue[i];
      if (wanted(at)) {
        Path path{at, {}};
        for (NodeId next = at; next != node; next = path.hops.back().to) path.hops.push_back(towards.at(next));
        return path;
      }
      for (const Neighbour& each : all_.neighbours(at)) {
        if (each.edge < end && towards.emplace(each.node, Hop{at, each.edge}).second) queue.push_back(each.node);
      }
    }
    return std::nullopt;
  }

  /// Why two nodes are of one class: by the one path between them.
  void equate(NodeId from, NodeId to) {
    if (from == to || !equated_.insert(pair(from, to)).second) return;
    if (const auto path =
            find_path(to, static_cast<std::uint32_t>(trace_.unions().size()), [&](NodeId at) { return at == from; })) {
      follow(*path);
    }
  }

  void follow(const Path& path) {
    NodeId at = path.from;
    for (const Hop& hop : path.hops) {
      const RuleTrace::Union& edge = trace_.unions()[hop.edge];
      if (edge.why == RuleTrace::Union::kCongruence) {
        for (std::size_t i = 0; i < trace_.operands(at).size(); ++i)
          equate(trace_.operands(at)[i], trace_.operands(hop.to)[i]);
      } else if (edge.why != RuleTrace::Union::kGiven) {
        apply(edge.why, hop.to, edge.a != at);
      }
      at = hop.to;
    }
  }

  /// An application, and before it why its left side matched. `made`: what it leads to.
  void apply(std::uint32_t number, NodeId made, bool backward) {
    if (!applied_.insert(number).second) return;
    const RuleTrace::Application& application = trace_.applications()[number];
    const auto matched = trace_.matched(application);
    const auto node_at = [&](const Pattern::Place& place) {
      return place.operand == Pattern::Place::kItself ? matched[place.node]
                                                      : trace_.operands(matched[place.node])[place.operand];
    };
    std::unordered_set<NodeId> reached = {application.root};
    for (const Pattern::Link& link : trace_.links(application.rule)) {
      equate(node_at(link.a), node_at(link.b));
      if (link.b.operand == Pattern::Place::kItself) reached.insert(node_at(link.b));
    }
    for (const NodeId node : matched) {  // further expressions of a multi-pattern
      if (!reached.contains(node)) justify(node, application.unions_before);
    }
    steps_.push_back({trace_.names()[application.rule], std::string(all_.graph_.text(made)), backward});
  }

  const RuleSteps& all_;
  const RuleTrace& trace_;
  std::unordered_set<std::uint64_t> justified_;
  std::unordered_set<std::uint64_t> equated_;
  std::unordered_set<std::uint32_t> applied_;
  std::vector<RuleStep> steps_;
};

RuleSteps::RuleSteps(const RuleTrace& trace, const egraph::EGraph& graph)
    : trace_(trace), graph_(graph), first_(trace.node_count() + 1), neighbours_(2 * trace.unions().size()) {
  for (const RuleTrace::Union& edge : trace.unions()) {
    ++first_[edge.a];
    ++first_[edge.b];
  }
  std::uint32_t begin = 0;
  for (std::uint32_t& place : first_) begin += std::exchange(place, begin);
  std::vector<std::uint32_t> next(first_);
  for (std::uint32_t i = 0; const RuleTrace::Union& edge : trace.unions()) {
    neighbours_[next[edge.a]++] = {edge.b, i};
    neighbours_[next[edge.b]++] = {edge.a, i++};
  }
}

std::span<const RuleSteps::Neighbour> RuleSteps::neighbours(NodeId node) const {
  return std::span(neighbours_).subspan(first_[node], first_[node + 1] - first_[node]);
}

std::vector<RuleStep> RuleSteps::to(NodeId node) const {
  Walk walk(*this);
  walk.justify(node, static_cast<std::uint32_t>(trace_.unions().size()));
  return walk.take();
}

}  // namespace nntune::extract
