/// Everything `nntune explain` tells of a chosen program, gathered once for its text, its JSON and its page.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/json_fwd.h"
#include "cli/caveats.h"
#include "cli/costs.h"
#include "cli/options.h"
#include "cli/provenance.h"
#include "compiler/extract/extract.h"
#include "compiler/extract/run_time_packs.h"
#include "compiler/rules/permissions.h"

namespace nntune::cli {

struct KernelFacts {
  const extract::KernelStep* step = nullptr;
  const extract::Decision* decision = nullptr;
  std::size_t section = 0;  ///< in PhaseProgram::sections
  double share = 0;         ///< of the phase's time, repeats counted
  Provenance provenance;
  /// Only for a matmul. Steps are kernels of its section.
  std::optional<extract::MatmulInput> input;
  /// What the objective would grow by with the input in the other form (plain rows instead of packed, or packed instead of
  /// plain), where that is possible.
  std::optional<double> other_input_seconds;
};

struct PhaseFacts {
  const extract::PhaseProgram* phase = nullptr;
  std::vector<KernelFacts> kernels;
};

/// What the user allowed, and how many kernels rest on it.
struct PermissionFacts {
  const rules::Permission* permission = nullptr;
  std::size_t kernels = 0;  ///< of all phases, each once
};

/// Points into the extraction, which must stay.
struct ExplainFacts {
  std::string model;
  ModelOptions options;
  const Costs* costs = nullptr;
  const extract::Explanation* explanation = nullptr;
  const extract::Program* program = nullptr;
  BusyRows busy{};
  std::vector<PhaseFacts> phases;  ///< those asked for
  std::vector<PermissionFacts> allowed;
};

/// \param phase  only phases of this name; "": all. Errors: io (the database), usage (there is no such phase; names those that
///               there are)
[[nodiscard]] Expected<ExplainFacts> gather_facts(std::string model, const ModelOptions& options, const Costs& costs,
                                                  const extract::Extraction& extraction, const std::string& phase);

/// What kept the rules from going on, "" if nothing did: the limit, and the rules that it held back.
[[nodiscard]] std::string cut_off(const egraph::RunReport& saturation);

/// How a matmul gets its input, and what the other way would cost.
[[nodiscard]] std::string input_text(const KernelFacts& kernel, const extract::SectionProgram& section);

/// "keys (state 0)": what attention reads it as, and its number.
[[nodiscard]] std::string state_name(const extract::Program& program, std::size_t number);

/// Its short name, and for a matmul what it reads, in which alternatives often differ.
[[nodiscard]] std::string alternative_name(const extract::Alternative& other);

/// Without the e-graph.
[[nodiscard]] Json to_json(const ExplainFacts& facts);

/// The e-graph for the page: classes as {id, t: type, s: section or -1, n: nodes}, nodes as {o: operation, c: operands, r: rule
/// or -1, s: state, w: workload or -1}; what they number is listed beside, with names, costs and why there is no kernel.
[[nodiscard]] Json to_json(const extract::EGraphView& view, const Isa& isa);

}  // namespace nntune::cli
