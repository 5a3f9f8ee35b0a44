#include "compiler/extract/pipeline.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <vector>

#include "compiler/egraph/smallest_term.h"
#include "compiler/extract/problem.h"
#include "compiler/extract/saturate.h"
#include "compiler/extract/solve.h"
#include "compiler/graph/state.h"
#include "compiler/rules/registry.h"
#include "compiler/schedule/guesses.h"

namespace nntune::extract {
namespace {

using egraph::ClassId;

/// Families that come first, in this order; then the others as the registry lists them; then kLast.
constexpr std::string_view kFirst[] = {"algebra", "merge", "norm_fold", "weight_layout", "activation_layout"};
constexpr std::string_view kLast = "fusion";

class CostsOfUnfinished : public CostModel {
 public:
  explicit CostsOfUnfinished(const CostModel& costs) : costs_(costs) {}

  [[nodiscard]] Cost cost(const schedule::Workload& workload) const override {
    Cost cost = costs_.cost(workload);
    if (std::isfinite(cost.seconds)) return cost;
    auto bytes = static_cast<double>(workload.output.storage_bytes());
    for (const graph::TensorType& input : workload.inputs) bytes += static_cast<double>(input.storage_bytes());
    cost.seconds = bytes / guesses::kBytesPerSecondWithoutKernel;
    return cost;
  }
  [[nodiscard]] Expected<schedule::Schedule> schedule(const schedule::Workload& workload) const override {
    return costs_.schedule(workload);
  }

 private:
  const CostModel& costs_;
};

std::vector<std::string> order() {
  std::vector<std::string> names(std::begin(kFirst), std::end(kFirst));
  for (const rules::Family& family : rules::families()) {
    if (family.name != kLast && std::ranges::find(names, family.name) == names.end()) names.emplace_back(family.name);
  }
  names.emplace_back(kLast);
  return names;
}

/// The chosen program as graphs again.
class Rebuilder {
 public:
  Rebuilder(const Saturated& space, const egraph::SmallestTerms& terms, const Problem& problem, const Solution& solution)
      : space_(space), terms_(terms), problem_(problem), solution_(solution) {}

  Expected<graph::Graph> section(const ProblemSection& goal) {
    graph::Graph graph;
    std::map<ClassId, graph::NodeId> made;
    for (const std::uint32_t at : needed_classes(problem_, solution_.choice, goal)) {
      if (problem_.classes[at].is_state_after()) continue;
      const Option& option = problem_.classes[at].options[static_cast<std::size_t>(solution_.choice[at])];
      graph::Op op = space_.language.op(space_.graph, option.node);
      if (op.kind() == graph::OpKind::input) {
        op = graph::input(space_.language.plain_input(op.leaf_name()).second, op.leaf_type());
      } else if (const auto state = graph::state_number(op)) {
        op = graph::state(*state, op.leaf_type());
      }
      NNTUNE_ASSIGN(made[problem_.classes[at].id], add(option.node, std::move(op), graph, made));
    }
    std::vector<graph::NodeId> outputs;
    for (std::uint32_t root : goal.roots) {
      if (problem_.classes[root].is_state_after()) {
        root = problem_.classes[root].options[static_cast<std::size_t>(solution_.choice[root])].operands[0];
      }
      outputs.push_back(made.at(problem_.classes[root].id));
    }
    graph.set_outputs(std::move(outputs));
    return graph;
  }

 private:
  Expected<graph::NodeId> add(egraph::NodeId node, graph::Op op, graph::Graph& graph,
                              std::map<ClassId, graph::NodeId>& made) {
    std::vector<graph::NodeId> inputs;
    for (const ClassId child : space_.graph.children(node)) {
      const ClassId id = space_.graph.find(child);
      if (!made.contains(id)) {
        // Run-time operands come before their users: this one is made of weights.
        const egraph::NodeId best = terms_.node(id);
        NNTUNE_ASSIGN(made[id], add(best, space_.language.op(space_.graph, best), graph, made));
      }
      inputs.push_back(made.at(id));
    }
    return graph.add(std::move(op), std::move(inputs));
  }

  const Saturated& space_;
  const egraph::SmallestTerms& terms_;
  const Problem& problem_;
  const Solution& solution_;
};

/// The phases after one family of rules: the cheapest program that it can make of them.
Expected<std::vector<graph::Phase>> rewritten(std::span<const graph::Phase> phases, const CostModel& costs,
                                              const ExtractOptions& options) {
  NNTUNE_ASSIGN(const auto space, saturate(phases, options));
  const egraph::SmallestTerms terms(space->graph);
  NNTUNE_ASSIGN(const Problem problem, make_problem(space->graph, space->language, terms, space->goals, space->layers,
                                                    options.stored_byte_seconds, options.threads, costs));
  NNTUNE_ASSIGN(const SolveResult solved, solve(problem));
  Rebuilder rebuilder(*space, terms, problem, solved.best);
  std::vector<graph::Phase> result(phases.begin(), phases.end());
  auto goal = problem.sections.begin();
  for (graph::Phase& phase : result) {
    for (graph::Section& section : phase.sections) {
      NNTUNE_ASSIGN(section.graph, rebuilder.section(*goal++));
    }
  }
  return result;
}

}  // namespace

Expected<Extraction> extract_by_pipeline(std::span<const graph::Phase> phases, const CostModel& costs,
                                         const ExtractOptions& options) {
  const CostsOfUnfinished unfinished(costs);
  std::vector<graph::Phase> current(phases.begin(), phases.end());
  ExtractOptions each = options;
  const std::vector<std::string> names = order();
  for (const std::string& name : names) {
    if (options.rules.disabled.contains(name)) continue;
    each.rules.disabled = {names.begin(), names.end()};
    each.rules.disabled.erase(name);
    NNTUNE_ASSIGN(current, rewritten(current, unfinished, each));
  }
  each.rules.disabled = {names.begin(), names.end()};
  return extract_explained(current, costs, each);
}

}  // namespace nntune::extract
