/// Which rule added each e-node, and so which rules led from the imported graph to a chosen kernel.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/egraph/egraph.h"
#include "compiler/egraph/rewrite.h"
#include "compiler/egraph/sexpr.h"

namespace nntune::extract {

/// One rule on the way to a kernel.
struct RuleStep {
  std::string rule;
  std::string made;  ///< text of the operation that it added
};

/// Notes while rules run which of them adds which nodes, and what they matched. A rule that only declares known classes equal
/// adds nothing and leaves no trace.
class RuleTrace {
 public:
  static constexpr std::uint32_t kImported = 0xffffffff;

  /// The same rules, followed. This object must outlive them and stay where it is.
  [[nodiscard]] std::vector<egraph::Rewrite> follow(std::vector<egraph::Rewrite> rules);

  /// In `names()`, or kImported.
  [[nodiscard]] std::uint32_t rule(egraph::NodeId node) const;
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

  /// The rules that made `node`, those behind what they matched first.
  [[nodiscard]] std::vector<RuleStep> steps(const egraph::EGraph& graph, egraph::NodeId node) const;

 private:
  /// One application of a rule that added nodes.
  struct Addition {
    egraph::NodeId begin;
    egraph::NodeId end;
    std::uint32_t rule;
    std::vector<egraph::NodeId> matched;
  };
  [[nodiscard]] const Addition* addition(egraph::NodeId node) const;

  std::vector<std::string> names_;
  std::vector<Addition> additions_;  // ascending
};

}  // namespace nntune::extract
