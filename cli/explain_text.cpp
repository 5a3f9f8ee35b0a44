#include "cli/explain_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/duration.h"
#include "base/other_load.h"
#include "cli/kernel_table.h"
#include "cli/wrap.h"
#include "compiler/schedule/short_name.h"

namespace nntune::cli {
namespace {

constexpr std::size_t kColumns = 80;
constexpr std::size_t kTextColumn = 15;
/// Fractions of the whole: a kernel that takes as much is told of by default, and one whose runner-up is close.
constexpr double kWorthALook = 0.01;
constexpr double kWorthATie = 0.001;
/// Of the kernel's own time: what a runner-up may cost more.
constexpr double kNearTie = 0.02;

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

/// "a, b (3 times), c backwards": rules that follow each other are named once.
std::string rules_text(const std::vector<extract::RuleStep>& steps) {
  std::string out;
  for (std::size_t i = 0; i < steps.size();) {
    std::size_t end = i + 1;
    while (end < steps.size() && steps[end].rule == steps[i].rule && steps[end].backward == steps[i].backward) ++end;
    if (!out.empty()) out += ", ";
    out += steps[i].rule;
    if (steps[i].backward) out += " backwards";
    if (end - i > 1) out += fmt::format(" ({} times)", end - i);
    i = end;
  }
  return out.empty() ? "none, it is an operation of the model" : out;
}

std::string runner_up_text(const extract::Decision& decision, double objective_seconds) {
  if (decision.others.empty()) return decision.alternatives == 0 ? "no other kernel" : "no other that fits the rest";
  const extract::Alternative& other = decision.others.front();
  return fmt::format("{} ({:+.2f} %) with {}; {} other{}", signed_seconds(other.growth_seconds),
                     100 * other.growth_seconds / objective_seconds, alternative_name(other), decision.alternatives,
                     decision.alternatives == 1 ? "" : "s");
}

/// Of the whole.
double seconds_of(const KernelFacts& kernel) { return kernel.step->cost.seconds * kernel.decision->calls; }

bool near_tie(const KernelFacts& kernel) {
  const auto& others = kernel.decision->others;
  return !others.empty() && others.front().growth_seconds < kNearTie * seconds_of(kernel);
}

std::string render_choice(const KernelFacts& kernel, const extract::PhaseProgram& phase, double objective_seconds,
                          Detail detail) {
  const extract::SectionProgram& section = phase.sections[kernel.section];
  const extract::Decision& decision = *kernel.decision;
  std::string out = wrapped(fmt::format("{}: {}", section.name, schedule::short_name(kernel.step->workload)), "  ");
  out += entry("runner-up", runner_up_text(decision, objective_seconds));
  if (detail == Detail::all || near_tie(kernel)) out += entry("time", text(kernel.provenance));
  if (detail != Detail::all) return out;
  if (kernel.provenance.roofline.amount > 0) out += entry("bound", text(kernel.provenance.roofline));
  out += entry("rules", rules_text(decision.rules));
  if (kernel.input) out += entry("input", input_text(kernel, section));
  return out;
}

/// Whether the choice is worth a look: the kernel takes time, or another one would cost about the same.
bool matters(const KernelFacts& kernel, double objective_seconds) {
  const double share = seconds_of(kernel) / objective_seconds;
  return share >= kWorthALook || (near_tie(kernel) && share >= kWorthATie);
}

std::string render_layout(const extract::LayoutDecision& layout) {
  std::string out = wrapped(layout.weight, "  ");
  out += entry("stored", fmt::format("{}, {}", layout.type.text(), megabytes(layout.bytes)));
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

/// "q_proj + k_proj": the weights in the key of a stored matrix.
std::string weight_names(const std::string& key) {
  static constexpr std::string_view kLeaf = "weight{";
  static constexpr std::string_view kLayers = "layers.*.";
  std::vector<std::string> names;
  for (std::size_t at = key.find(kLeaf); at != std::string::npos; at = key.find(kLeaf, at + 1)) {
    std::string name = key.substr(at + kLeaf.size(), key.find(':', at) - at - kLeaf.size());
    if (name.starts_with(kLayers)) name.erase(0, kLayers.size());
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  return names.empty() ? key : fmt::format("{}", fmt::join(names, " + "));
}

/// "<1:16>" of "bf16[8,?,128]<1:16>", "row-major" of "bf16[8,?,128]".
std::string lanes_text(const graph::TensorType& type) {
  return type.packed() ? fmt::format("<{}>", graph::text(type.lanes)) : "row-major";
}

std::string layout_line(const extract::LayoutDecision& layout, double objective_seconds) {
  std::string line = fmt::format("{}: {}, {}", weight_names(layout.weight), layout.type.text(), megabytes(layout.bytes));
  if (layout.runner_up.empty()) {
    line += ", no other form";
  } else {
    line += fmt::format("; {:+.2f} % as {}", 100 * layout.runner_up_seconds / objective_seconds,
                        layout.runner_up_type.packed() ? lanes_text(layout.runner_up_type) : layout.runner_up_type.text());
  }
  if (layout.both && layout.both->saved_seconds > layout.both->price_seconds) {
    line += fmt::format("; to store {} beside it would pay", layout.both->type.text());
  }
  return wrapped(line, "  ");
}

std::string render_states(const ExplainFacts& facts, Detail detail) {
  std::string out = wrapped("layouts of what a sequence keeps, one for all phases", "");
  for (const extract::StateDecision& state : facts.explanation->states) {
    std::string line = fmt::format("{}: {} of {}", state_name(*facts.program, state.number), lanes_text(state.type),
                                   state.type.unpacked().text());
    if (!state.runner_up) {
      line += ", no other layout";
    } else if (detail == Detail::all) {
      line += fmt::format("; {} for the whole as {}", signed_seconds(state.runner_up_seconds), lanes_text(*state.runner_up));
    } else {
      line += fmt::format("; {:+.2f} % as {}", 100 * state.runner_up_seconds / facts.explanation->objective_seconds,
                          lanes_text(*state.runner_up));
    }
    out += wrapped(line, "  ");
  }
  return out;
}

std::string plural(std::size_t count, const char* word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

/// "prefill, 128 tokens".
std::string phase_text(const extract::PhaseProgram& phase) {
  return fmt::format("{}, {}", phase.name, plural(static_cast<std::size_t>(phase.rows), "token"));
}

/// How far from the best there is.
std::string gap_text(const extract::Explanation& explanation) {
  const std::string cost = fmt::format("cost {}, of which {} for stored bytes", format_seconds(explanation.cost),
                                       format_seconds(explanation.cost - explanation.objective_seconds));
  if (explanation.proved()) return cost + "; proved: no program of these rules costs less";
  return fmt::format("{}; none of these rules costs less than {} (gap {:.2g} %)", cost,
                     format_seconds(explanation.lower_bound), 100 * explanation.gap());
}

std::string memory_text(const extract::MemoryUse& memory, const ModelOptions& options) {
  const auto bytes = [](std::int64_t amount) { return format_bytes(static_cast<double>(amount)); };
  return fmt::format("memory {} of {}{}: {} weights, {} KV cache of {} tokens, {} buffers", bytes(memory.total_bytes()),
                     format_bytes(options.memory_bytes), options.memory_given ? "" : " that this machine has for it",
                     bytes(memory.weights_bytes), bytes(memory.kv_cache_bytes), memory.ctx,
                     bytes(memory.activation_bytes + memory.scratch_bytes));
}

std::string peaks_caveat(const Target& target) {
  if (!target.measured) return " (default peaks: `nntune target` measures them)";
  if (!target.was_busy()) return "";
  return fmt::format(" ({} while the peaks were measured: `nntune target` on a quiet machine keeps the better ones)",
                     other_load_text(target.other_load_cores, target.cores));
}

std::string render_summary(const ExplainFacts& facts) {
  const extract::Explanation& explanation = *facts.explanation;
  const Target& target = facts.costs->target;
  std::string out = wrapped(fmt::format("{} {}, {}, {}{}", facts.model, graph::name(facts.options.dtype),
                                        plural(static_cast<std::size_t>(facts.options.threads), "thread"), target.short_name,
                                        peaks_caveat(target)),
                            "");
  std::string uses;
  for (std::size_t i = 0; i < facts.program->phases.size(); ++i) {
    uses += fmt::format("{}{:.3g} x {}", uses.empty() ? "" : " + ", explanation.phase_calls[i],
                        phase_text(facts.program->phases[i]));
  }
  out += wrapped(
      fmt::format("chosen from 10^{:.0f} programs; the whole is {} for {}", std::log10(std::max(1.0, explanation.programs)),
                  format_seconds(explanation.objective_seconds), uses),
      "");
  for (const PermissionFacts& each : facts.allowed) {
    out += wrapped(fmt::format("allowed, {}: {}; {} on it", each.permission->name, each.permission->may_change,
                               each.kernels == 1 ? "1 kernel rests" : fmt::format("{} kernels rest", each.kernels)),
                   "");
  }
  out += wrapped(gap_text(explanation), "");
  if (const std::string busy = busy_line(facts.busy, target.cores); !busy.empty()) out += wrapped(busy, "");
  if (const std::string cut = cut_off_line(explanation.saturation); !cut.empty()) out += wrapped(cut, "");
  if (explanation.memory) out += wrapped(memory_text(*explanation.memory, facts.options), "");
  return out;
}

std::string render_choices(const ExplainFacts& facts, Detail detail) {
  const double objective_seconds = facts.explanation->objective_seconds;
  std::size_t count = 0;
  std::size_t shown = 0;
  std::string choices;
  for (const PhaseFacts& phase : facts.phases) {
    choices += fmt::format("\n{}\n", phase_text(*phase.phase));
    for (const KernelFacts& kernel : phase.kernels) {
      ++count;
      if (detail != Detail::all && !matters(kernel, objective_seconds)) continue;
      ++shown;
      choices += render_choice(kernel, *phase.phase, objective_seconds, detail);
    }
  }
  std::string head = "Why: a runner-up's cost is what the whole would grow by if that one value were made in that way.";
  if (detail != Detail::all) {
    head += fmt::format(
        " Here are the {} of {} choices that take {:.0f} % of the whole or are nearly a tie; --all tells of "
        "all, with rules, bounds and inputs.",
        shown, count, 100 * kWorthALook);
  }
  return wrapped(head, "") + choices;
}

std::string render_layouts(const extract::Explanation& explanation, Detail detail) {
  std::string out =
      wrapped(fmt::format("layouts of the stored matrices, one for all phases; a stored byte is priced {:.3g} s",
                          explanation.stored_byte_seconds),
              "");
  for (const extract::LayoutDecision& layout : explanation.layouts) {
    out += detail == Detail::all ? render_layout(layout) : layout_line(layout, explanation.objective_seconds);
  }
  return out;
}

}  // namespace

std::string render(const ExplainFacts& facts, Detail detail) {
  const extract::Explanation& explanation = *facts.explanation;
  std::string out = render_summary(facts);
  for (const PhaseFacts& phase : facts.phases) {
    std::vector<std::optional<double>> shares;
    for (const KernelFacts& kernel : phase.kernels) shares.push_back(kernel.provenance.roofline_share);
    out += fmt::format("\n{}", render_phase(*phase.phase, shares));
  }
  if (detail == Detail::tables) return out;
  out += '\n' + render_choices(facts, detail);
  if (!explanation.layouts.empty()) out += '\n' + render_layouts(explanation, detail);
  if (!explanation.states.empty()) out += '\n' + render_states(facts, detail);
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
