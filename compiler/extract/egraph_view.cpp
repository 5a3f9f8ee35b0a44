#include "compiler/extract/egraph_view.h"

#include <algorithm>
#include <map>
#include <set>

namespace nntune::extract {
namespace {

using egraph::ClassId;
using egraph::NodeId;

/// Texts to numbers.
class Interner {
 public:
  explicit Interner(std::vector<std::string>& texts) : texts_(texts) {}
  std::uint32_t operator()(std::string text) {
    const auto [place, is_new] = ids_.emplace(std::move(text), static_cast<std::uint32_t>(texts_.size()));
    if (is_new) texts_.push_back(place->first);
    return place->second;
  }

 private:
  std::vector<std::string>& texts_;
  std::map<std::string, std::uint32_t> ids_;
};

struct Role {
  std::uint32_t workload = EGraphView::kNone;
  EGraphView::State state = EGraphView::State::no_kernel;
  std::string reason = {};
};

Role role_of(const Option& option, EGraphView::State state) {
  const std::uint32_t workload = option.workload < 0 ? EGraphView::kNone : static_cast<std::uint32_t>(option.workload);
  return {workload, option.refusal.empty() ? state : EGraphView::State::no_kernel, option.refusal};
}

/// The nodes that compute stored constants, from those down to the weights.
std::set<NodeId> nodes_of_stored(const egraph::EGraph& graph, const egraph::SmallestTerms& terms, const Problem& problem,
                                 const Solution& solution) {
  std::set<NodeId> result;
  const auto visit = [&](const auto& self, ClassId id) -> void {
    const NodeId node = terms.node(id);
    if (!result.insert(node).second) return;
    for (const ClassId child : graph.children(node)) self(self, child);
  };
  for (const ProblemSection& section : problem.sections) {
    for (const std::uint32_t at : needed_classes(problem, solution.choice, section)) {
      for (const std::uint32_t constant :
           problem.classes[at].options[static_cast<std::size_t>(solution.choice[at])].constants) {
        visit(visit, problem.constants[constant].id);
      }
    }
  }
  return result;
}

}  // namespace

EGraphView view_egraph(const egraph::EGraph& graph, const rules::Language& language, const egraph::SmallestTerms& terms,
                       const Problem& problem, const Solution& solution, const RuleTrace& trace) {
  EGraphView view;
  view.rules = trace.names();
  view.workloads = problem.workloads;
  view.costs = problem.costs;
  for (const ProblemSection& section : problem.sections)
    view.sections.push_back({section.phase, section.section, section.rows});

  std::map<NodeId, Role> roles;
  std::map<ClassId, std::uint32_t> section_of;
  for (const ProblemClass& item : problem.classes) {
    if (item.is_state_after()) continue;
    section_of[item.id] = item.section;
    for (const Option& option : item.options) roles[option.node] = role_of(option, EGraphView::State::possible);
    for (const Option& option : item.refused) roles[option.node] = role_of(option, EGraphView::State::refused);
  }
  for (const ProblemSection& section : problem.sections) {
    for (const std::uint32_t at : needed_classes(problem, solution.choice, section)) {
      if (problem.classes[at].is_state_after()) continue;
      const auto chosen = static_cast<std::size_t>(solution.choice[at]);
      roles[problem.classes[at].options[chosen].node].state = EGraphView::State::chosen;
    }
  }
  const std::set<NodeId> stored = nodes_of_stored(graph, terms, problem, solution);

  Interner ops(view.ops);
  Interner types(view.types);
  Interner reasons(view.reasons);
  for (const ClassId id : graph.classes()) {
    EGraphView::Class item;
    item.id = id;
    item.type = types(language.type(graph, id).text());
    if (const auto found = section_of.find(id); found != section_of.end()) item.section = found->second;
    const bool constant = language.constant(graph, id);
    for (const NodeId node : graph.nodes(id)) {
      Role role;
      if (constant) {
        role.state = stored.count(node) > 0 ? EGraphView::State::chosen : EGraphView::State::constant;
      } else if (const auto found = roles.find(node); found != roles.end()) {
        role = found->second;
      }
      EGraphView::Node shown{ops(std::string(graph.text(node))),
                             {},
                             role.workload,
                             trace.rule(node),
                             role.state,
                             role.reason.empty() ? EGraphView::kNone : reasons(role.reason)};
      for (const ClassId child : graph.children(node)) shown.operands.push_back(graph.find(child));
      item.nodes.push_back(std::move(shown));
    }
    view.classes.push_back(std::move(item));
  }
  return view;
}

}  // namespace nntune::extract
