/// What rules did to an e-graph: which application added which e-nodes, and which declared which classes equal.
///
/// A union forest over e-nodes: node n is the first of class n, each merge an edge between two nodes with the application it
/// comes from; so two nodes of one class are joined by one path. It is the proof forest of compiler/egraph/proof.h with
/// e-nodes in place of terms: it tells which rules were needed, not the terms in between, and leaves the e-graph as it is
/// without it. compiler/extract/rule_steps.h reads it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/egraph/change_listener.h"
#include "compiler/egraph/egraph.h"
#include "compiler/egraph/rewrite.h"

namespace nntune::extract {

class RuleTrace : public egraph::ChangeListener {
 public:
  /// No rule, or not by one.
  static constexpr std::uint32_t kImported = 0xffffffff;

  /// One match that changed the graph.
  struct Application {
    std::uint32_t rule;           ///< in names()
    std::uint32_t matched;        ///< the node of each operator of the left side, in matched()
    egraph::NodeId root;          ///< of the left side's outermost operator
    std::uint32_t unions_before;  ///< so many were made earlier
  };
  struct Union {
    static constexpr std::uint32_t kCongruence = 0xffffffff;
    static constexpr std::uint32_t kGiven = 0xfffffffe;  ///< by the importer or an analysis

    egraph::NodeId a;
    egraph::NodeId b;
    std::uint32_t why;  ///< an application, or one of the above; rules lead from `a` to `b`
  };

  /// The same rules, followed on `graph` from now on: all terms that it has are imported. This object must outlive both
  /// rules and graph, and stay where it is.
  [[nodiscard]] std::vector<egraph::Rewrite> follow(egraph::EGraph& graph, std::vector<egraph::Rewrite> rules);

  /// In names(): which rule added the node; or kImported.
  [[nodiscard]] std::uint32_t rule(egraph::NodeId node) const;
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

  /// Of the left side of a rule.
  [[nodiscard]] std::span<const egraph::Pattern::Link> links(std::uint32_t rule) const { return lefts_[rule].links; }
  [[nodiscard]] std::span<const egraph::NodeId> matched(const Application& application) const {
    return std::span(matched_).subspan(application.matched, lefts_[application.rule].nodes);
  }
  /// Of all applications, in the order they were made.
  [[nodiscard]] const std::vector<Application>& applications() const { return applications_; }
  [[nodiscard]] const std::vector<Union>& unions() const { return unions_; }
  /// The application that added a node, or kImported.
  [[nodiscard]] std::uint32_t added_by(egraph::NodeId node) const { return nodes_[node].added_by; }
  [[nodiscard]] std::size_t node_count() const { return nodes_.size(); }
  /// The classes of a node's operands when it was added.
  [[nodiscard]] std::span<const egraph::ClassId> operands(egraph::NodeId node) const {
    const std::size_t end = node + 1 < nodes_.size() ? nodes_[node + 1].first_operand : operands_.size();
    return std::span(operands_).subspan(nodes_[node].first_operand, end - nodes_[node].first_operand);
  }

 private:
  struct Left {
    std::vector<egraph::Pattern::Link> links;
    std::size_t nodes = 0;
  };
  struct Node {
    std::uint32_t first_operand;
    std::uint32_t added_by;
  };

  void added(egraph::NodeId node, std::span<const egraph::ClassId> children) override;
  void found(egraph::NodeId node) override {
    if (match_ != nullptr) seen_.push_back(node);
  }
  void merging(egraph::ClassId a, egraph::ClassId b, bool by_congruence) override;
  void begin(std::uint32_t rule, const egraph::Match& match, egraph::NodeId root);
  std::uint32_t application();
  [[nodiscard]] egraph::NodeId node_of(egraph::ClassId id) const;

  const egraph::EGraph* graph_ = nullptr;
  std::vector<std::string> names_;
  std::vector<Left> lefts_;  // by rule
  std::vector<Application> applications_;
  std::vector<egraph::NodeId> matched_;
  std::vector<Union> unions_;
  std::vector<Node> nodes_;
  std::vector<egraph::ClassId> operands_;

  // The application being made.
  const egraph::Match* match_ = nullptr;
  std::uint32_t rule_ = kImported;
  egraph::NodeId root_ = 0;
  std::uint32_t current_ = kImported;  // kImported: it changed nothing yet
  std::vector<egraph::NodeId> seen_;   // added or found by it
};

}  // namespace nntune::extract
