/// The rules that lead from the imported operations to a chosen e-node.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/egraph/egraph.h"
#include "compiler/extract/rule_trace.h"

namespace nntune::extract {

/// One rule on the way to a kernel.
struct RuleStep {
  std::string rule;
  std::string made;       ///< text of the operation that it leads to
  bool backward = false;  ///< from its right side to its left
};

/// Answers from a trace of a run that has ended; both must outlive it.
class RuleSteps {
 public:
  RuleSteps(const RuleTrace& trace, const egraph::EGraph& graph);

  /// The applications that prove the imported operation of the node's class equal to `node`, those on which one rests before
  /// it. Where the class has no imported operation, as nothing in the model computes that value, those that made the node.
  /// None is listed twice; empty: the node is imported.
  [[nodiscard]] std::vector<RuleStep> to(egraph::NodeId node) const;

 private:
  class Walk;
  struct Neighbour {
    egraph::NodeId node;
    std::uint32_t edge;  // in RuleTrace::unions
  };
  [[nodiscard]] std::span<const Neighbour> neighbours(egraph::NodeId node) const;

  const RuleTrace& trace_;
  const egraph::EGraph& graph_;
  std::vector<std::uint32_t> first_;  // by node, in neighbours_; one more at the end
  std::vector<Neighbour> neighbours_;
};

}  // namespace nntune::extract
