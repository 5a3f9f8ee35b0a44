#include "cli/explain_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/kernel_table.h"
#include "cli/wrap.h"

namespace nntune::cli {
namespace {

constexpr std::size_t kColumns = 80;
constexpr std::size_t kTextColumn = 15;

/// "    runner-up  text", wrapped; the text stays in its column.
std::string entry(const std::string& what, const std::string& text) {
  std::string out = fmt::format("    {:<{}}", what, kTextColumn - 4);
  std::string indent;
  for (const std::string& line : wrap(text, kColumns - kTextColumn)) {
    out += indent + line.substr(std::min(line.find_first_not_of(' '), line.size())) + "\n";
    indent = std::string(kTextColumn, ' ');
  }
  return out;
}

std::string signed_seconds(double seconds) {
  return fmt::format("{}{}", seconds < 0 ? "-" : "+", format_seconds(std::abs(seconds)));
}

std::string megabytes(double bytes) { return fmt::format("{:.1f} MB", bytes / 1e6); }

/// "a, b (3 times), c": rules that follow each other are named once.
std::string rules_text(const std::vector<extract::RuleStep>& steps) {
  std::string out;
  for (std::size_t i = 0; i < steps.size();) {
    std::size_t end = i + 1;
    while (end < steps.size() && steps[end].rule == steps[i].rule) ++end;
    if (!out.empty()) out += ", ";
    out += steps[i].rule;
    if (end - i > 1) out += fmt::format(" ({} times)", end - i);
    i = end;
  }
  return out.empty() ? "none, it is an operation of the model" : out;
}

std::string render_choice(const KernelFacts& kernel, const extract::PhaseProgram& phase, double objective_seconds) {
  const extract::SectionProgram& section = phase.sections[kernel.section];
  const extract::Decision& decision = *kernel.decision;
  std::string out = wrapped(fmt::format("{}: {}", section.name, short_name(kernel.step->workload)), "  ");
  if (decision.others.empty()) {
    out += entry("runner-up", decision.alternatives == 0 ? "no other kernel" : "no other that fits the rest");
  } else {
    const extract::Alternative& other = decision.others.front();
    out += entry("runner-up", fmt::format("{} ({:+.2f} %) with {}; {} other{}", signed_seconds(other.growth_seconds),
                                          100 * other.growth_seconds / objective_seconds, alternative_name(other),
                                          decision.alternatives, decision.alternatives == 1 ? "" : "s"));
  }
  out += entry("time", text(kernel.provenance));
  if (kernel.provenance.roofline.amount > 0) out += entry("bound", text(kernel.provenance.roofline));
  out += entry("rules", rules_text(decision.rules));
  if (kernel.input) out += entry("input", input_text(kernel, section));
  return out;
}

std::string render_layout(const extract::LayoutDecision& layout) {
  std::string out = wrapped(layout.weight, "  ");
  out += entry("stored", fmt::format("once, {}, {}", layout.type.text(), megabytes(layout.bytes)));
  out += entry("runner-up", layout.runner_up.empty()
                                ? "no other form"
                                : fmt::format("{} for the whole as {}, {}", signed_seconds(layout.runner_up_seconds),
                                              layout.runner_up_type.text(), megabytes(layout.runner_up_bytes)));
  if (layout.both) {
    out += entry("both", fmt::format("with {} beside it {}, for {} more, priced {}", layout.both->type.text(),
                                     signed_seconds(-layout.both->saved_seconds), megabytes(layout.both->bytes),
                                     format_seconds(layout.both->price_seconds)));
  } else {
    out += entry("both", "a second form saves nothing");
  }
  return out;
}

std::string plural(std::size_t count, const char* word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

}  // namespace

std::string render(const ExplainFacts& facts, bool brief) {
  const extract::Explanation& explanation = *facts.explanation;
  const Target& target = facts.costs->target;
  std::string out = wrapped(fmt::format("{} {}, {}, {}{}", facts.model, graph::name(facts.options.dtype),
                                        plural(static_cast<std::size_t>(facts.options.threads), "thread"), target.short_name,
                                        target.measured ? "" : " (default peaks: `nntune target` measures them)"),
                            "");
  out += fmt::format("chosen from 10^{:.0f} programs; {:.1f} MB of weights\n",
                     std::log10(std::max(1.0, explanation.programs)), explanation.stored_bytes / 1e6);
  for (const PhaseFacts& phase : facts.phases) out += fmt::format("\n{}", render_phase(*phase.phase, target));
  if (brief) return out;

  std::string uses;
  for (std::size_t i = 0; i < facts.program->phases.size(); ++i) {
    const extract::PhaseProgram& phase = facts.program->phases[i];
    uses += fmt::format("{}{:.3g} x {} of {}", uses.empty() ? "" : ", ", explanation.phase_calls[i], phase.name,
                        plural(static_cast<std::size_t>(phase.rows), "token"));
  }
  out += '\n';
  out += wrapped(fmt::format("Why: a runner-up's cost is what the whole, {} for all phases together ({}), would grow "
                             "by if that one value were made in that way.",
                             format_seconds(explanation.objective_seconds), uses),
                 "");
  for (const PhaseFacts& phase : facts.phases) {
    out += fmt::format("\n{}, {}\n", phase.phase->name, plural(static_cast<std::size_t>(phase.phase->rows), "token"));
    for (const KernelFacts& kernel : phase.kernels) {
      out += render_choice(kernel, *phase.phase, explanation.objective_seconds);
    }
  }
  if (!explanation.layouts.empty()) {
    out += fmt::format("\nlayouts of the stored matrices, for all phases; a stored byte is priced {:.3g} s\n",
                       explanation.stored_byte_seconds);
    for (const extract::LayoutDecision& layout : explanation.layouts) out += render_layout(layout);
  }
  const egraph::RunReport& saturation = explanation.saturation;
  out += '\n';
  out += wrapped(fmt::format("rules: {} in {}, {}: {} in {}, {} costed", saturation.stop.text(),
                             plural(saturation.iterations.size(), "iteration"), format_seconds(saturation.seconds),
                             plural(explanation.nodes, "e-node"), fmt::format("{} classes", explanation.classes),
                             plural(explanation.workloads, "kernel")),
                 "");
  const std::string cut = cut_off(saturation);
  out += cut.empty() ? "no limit cut anything off\n" : wrapped(cut, "");
  return out;
}

}  // namespace nntune::cli
