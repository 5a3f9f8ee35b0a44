#include "cli/explain_facts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/duration.h"
#include "compiler/rules/registry.h"
#include "compiler/schedule/short_name.h"

namespace nntune::cli {
namespace {

using extract::InputLayout;
using graph::OpKind;

bool reads_packed(const schedule::Workload& workload) {
  return workload.inputs[schedule::operand_map(workload.op()).x].packed();
}

/// Kernels by the rules that made them.
std::vector<PermissionFacts> permissions_used(const std::set<std::string>& allowed,
                                              const extract::Explanation& explanation) {
  std::vector<PermissionFacts> result;
  for (const rules::Permission& permission : rules::permissions()) {
    if (!allowed.contains(std::string(permission.name))) continue;
    const auto rests_on_it = [&](const extract::Decision& decision) {
      return std::ranges::any_of(decision.rules, [&](const extract::RuleStep& step) {
        return rules::permission_of_rule(step.rule) == &permission;
      });
    };
    result.push_back({&permission, static_cast<std::size_t>(std::ranges::count_if(explanation.decisions, rests_on_it))});
  }
  return result;
}

/// The smallest growth with a matmul whose input is packed where it is not now, or the other way round.
std::optional<double> other_input(const extract::Decision& decision) {
  for (const extract::Alternative& other : decision.others) {  // by growth
    if (other.workload && other.workload->op().kind() == OpKind::matmul &&
        reads_packed(*other.workload) != reads_packed(decision.chosen)) {
      return other.growth_seconds;
    }
  }
  return std::nullopt;
}

}  // namespace

Expected<ExplainFacts> gather_facts(std::string model, const ModelOptions& options, const Costs& costs,
                                    const extract::Extraction& extraction, const std::string& phase) {
  ExplainFacts facts{.model = std::move(model),
                     .options = options,
                     .costs = &costs,
                     .explanation = &extraction.explanation,
                     .program = &extraction.program,
                     .busy = busy_rows(extraction.program, *costs.model),
                     .phases = {},
                     .allowed = permissions_used(options.allowed, extraction.explanation)};
  NNTUNE_ASSIGN(const Sessions sessions, read_sessions(*costs.database));
  std::set<std::string> names;
  std::size_t next_decision = 0;  // decisions and steps are in the same order
  for (const extract::PhaseProgram& program : extraction.program.phases) {
    names.insert(program.name);
    PhaseFacts gathered{.phase = &program, .kernels = {}};
    const double total = program.seconds();
    for (std::size_t s = 0; s < program.sections.size(); ++s) {
      const extract::SectionProgram& section = program.sections[s];
      const auto inputs = extract::matmul_inputs(section);
      for (std::size_t i = 0; i < section.steps.size(); ++i) {
        const extract::KernelStep& step = section.steps[i];
        const extract::Decision& decision = extraction.explanation.decisions.at(next_decision++);
        if (!phase.empty() && phase != program.name) continue;
        KernelFacts& kernel = gathered.kernels.emplace_back();
        kernel.step = &step;
        kernel.decision = &decision;
        kernel.section = s;
        kernel.share = step.cost.seconds * static_cast<double>(section.repeat) / total;
        kernel.provenance = provenance_of(step.workload, costs, sessions);
        const auto input = std::ranges::find(inputs, i, &extract::MatmulInput::step);
        if (input != inputs.end()) {
          kernel.input = *input;
          kernel.other_input_seconds = other_input(decision);
        }
      }
    }
    if (phase.empty() || phase == program.name) facts.phases.push_back(std::move(gathered));
  }
  if (facts.phases.empty()) {
    return fail(ErrorKind::usage, fmt::format("--phase '{}' is unknown", phase),
                fmt::format("give {}", fmt::join(names, " or ")));
  }
  return facts;
}

std::string cut_off(const egraph::RunReport& saturation) {
  if (saturation.stop.kind == egraph::StopReason::Kind::saturated || saturation.iterations.empty()) return "";
  const egraph::IterationStats& last = saturation.iterations.back();
  std::string out = fmt::format("stopped by the {}; the last iteration still changed the e-graph {} times",
                                saturation.stop.text(), last.applied);
  std::vector<std::string> held;
  for (const std::size_t rule : last.banned) held.push_back(saturation.rules[rule].name);
  if (!held.empty()) out += fmt::format(", and held back {}", fmt::join(held, ", "));
  return out + ". Programs beyond that were not looked at";
}

std::string input_text(const KernelFacts& kernel, const extract::SectionProgram& section) {
  const extract::MatmulInput& input = *kernel.input;
  const graph::TensorType& type = kernel.step->workload.inputs[schedule::operand_map(kernel.step->workload.op()).x];
  const std::string maker = input.maker ? schedule::short_name(section.steps[*input.maker].workload) : "the section's input";
  std::string out;
  switch (input.layout) {
    case InputLayout::plain: out = fmt::format("reads plain rows, no pack: {}", maker); break;
    case InputLayout::packed_by_maker:
      out = fmt::format("reads {}, written so, without a kernel for packing, by {}", type.text(), maker);
      break;
    case InputLayout::packed_by_a_kernel:
      out = fmt::format("reads {}, packed at run time by a kernel of its own{}", type.text(),
                        input.between_matmuls ? " between two matmuls" : "");
      break;
  }
  const char* const other = input.layout == InputLayout::plain ? "packed" : "plain";
  if (kernel.other_input_seconds) {
    return out + fmt::format("; with {} rows {}{}", other, *kernel.other_input_seconds < 0 ? "-" : "+",
                             format_seconds(std::abs(*kernel.other_input_seconds)));
  }
  return out + (type.shape[0] == 1 ? "; one row, nothing to pack" : fmt::format("; no kernel here reads it {}", other));
}

std::string state_name(const extract::Program& program, std::size_t number) {
  for (const extract::PhaseProgram& phase : program.phases) {
    for (const extract::SectionProgram& section : phase.sections) {
      for (const extract::KernelStep& step : section.steps) {
        if (step.workload.op().kind() != graph::OpKind::attention) continue;
        const std::size_t keys = schedule::operand_map(step.workload.op()).w;
        for (std::size_t i = keys; i < keys + 2; ++i) {
          const extract::Value& value = step.inputs[i];
          if (value.kind != extract::ValueKind::state || value.index != number) continue;
          return fmt::format("{} (state {})", i == keys ? "keys" : "values", number);
        }
      }
    }
  }
  return fmt::format("state {}", number);
}

std::string alternative_name(const extract::Alternative& other) {
  if (!other.workload) return other.node;
  const schedule::Workload& workload = *other.workload;
  const std::string name = schedule::short_name(workload);
  return workload.op().kind() == OpKind::matmul
             ? fmt::format("{} of {}", name, workload.inputs[schedule::operand_map(workload.op()).x].text())
             : name;
}

}  // namespace nntune::cli
