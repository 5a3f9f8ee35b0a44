#include "compiler/extract/saturate.h"

#include <fmt/format.h>

#include "compiler/graph/state.h"
#include "compiler/rules/registry.h"

namespace nntune::extract {
namespace {

std::vector<std::string> weight_names(std::span<const graph::Phase> phases) {
  std::vector<std::string> names;
  for (const graph::Phase& phase : phases) {
    for (const graph::Section& section : phase.sections) {
      for (const graph::Node& node : section.graph.nodes()) {
        if (node.op.kind() == graph::OpKind::weight) {
          names.push_back(node.op.leaf_name());
        }
      }
    }
  }
  return names;
}

}  // namespace

PhaseUse use_of(const graph::Phase& phase, std::span<const graph::Phase> phases, const ExtractOptions& options) {
  const auto given = options.uses.find(phase.name);
  return given != options.uses.end() ? given->second : usual_use(phase, phases);
}

Expected<std::unique_ptr<Saturated>> saturate(std::span<const graph::Phase> phases, const ExtractOptions& options,
                                              RuleTrace* trace) {
  for (const graph::Phase& phase : phases) NNTUNE_TRY(graph::check_sections(phase));
  auto result = std::make_unique<Saturated>(weight_names(phases), phases);
  for (const graph::Phase& phase : phases) {
    const PhaseUse use = use_of(phase, phases, options);
    for (const graph::Section& section : phase.sections) {
      // Prefill phases differ in their rows alone.
      const std::string name = fmt::format("{}{}.{}", phase.name, phase.rows, section.name);
      NNTUNE_ASSIGN(const std::vector<egraph::ClassId> classes, result->language.add(result->graph, section.graph, name));
      SectionGoal goal{phase.name, section.name, use.calls * static_cast<double>(section.repeat), use.past, {}, phase.rows};
      for (const graph::NodeId output : section.graph.outputs()) {
        goal.outputs.push_back(classes[static_cast<std::size_t>(output)]);
        goal.states.push_back(graph::state_of(section.graph, output));
      }
      result->goals.push_back(std::move(goal));
    }
  }
  rules::RuleOptions rule_options = options.rules;
  rule_options.threads = options.threads;
  NNTUNE_ASSIGN(std::vector<egraph::Rewrite> rules,
                rules::enabled_rules(result->graph.symbols(), result->language, rule_options));
  if (trace != nullptr) rules = trace->follow(result->graph, std::move(rules));
  result->report = egraph::run(result->graph, rules, options.limits);
  if (!result->language.trouble().empty()) {
    return fail(ErrorKind::internal, "a rewrite rule changed a type: " + result->language.trouble());
  }
  return result;
}

}  // namespace nntune::extract
