/// Chooses the cheapest program that the rules can make of a model, all its phases decided together.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>

#include "base/error.h"
#include "compiler/egraph/runner.h"
#include "compiler/extract/cost_model.h"
#include "compiler/extract/explain.h"
#include "compiler/extract/phase_use.h"
#include "compiler/extract/program.h"
#include "compiler/graph/graph.h"
#include "compiler/rules/options.h"
#include "compiler/schedule/guesses.h"

namespace nntune::extract {

struct ExtractOptions {
  rules::RuleOptions rules = {};
  int threads = 1;  ///< of the kernels, and for the rules
  /// By phase name; a phase that is not listed has its usual_use().
  std::map<std::string, PhaseUse> uses = {};
  /// What each stored byte of weights costs.
  double stored_byte_seconds = guesses::kStoredByteSeconds;
  /// What all stored weights together may take, in all their layouts; a hard limit.
  double stored_bytes_capacity = std::numeric_limits<double>::infinity();
  /// Instead of the cheapest program the one that stores least, and of those the cheapest; `stored_bytes_capacity` plays no part.
  bool smallest = false;
  /// For proving how near the program is to the best there is (Explanation::lower_bound); 0: the bound that costs nothing extra.
  std::chrono::milliseconds proof_limit{0};
  bool trace_rules = false;  ///< Decision::rules are filled, for people; takes time and memory
  bool keep_egraph = false;  ///< Explanation::egraph is filled, for people; rules are traced, too
  /// Counts, no clock: a loaded machine makes the same program.
  egraph::RunLimits limits = {.nodes = 50'000,
                              .iterations = 60,
                              .matches = 20'000'000,
                              .time = std::nullopt,
                              .backoff = egraph::BackoffOptions{.match_limit = 1'000'000, .ban_iterations = 5}};
};

struct Extraction {
  Program program;
  Explanation explanation;
};

/// \param phases  their body, head etc. share weights by name
/// \return the program, each shared step paid once and each stored weight once for all phases. Errors: infeasible (some value
///         has no kernel on this CPU, named), bad_input (unknown rule family), internal
[[nodiscard]] Expected<Extraction> extract_explained(std::span<const graph::Phase> phases, const CostModel& costs,
                                                     const ExtractOptions& options);
[[nodiscard]] Expected<Program> extract(std::span<const graph::Phase> phases, const CostModel& costs,
                                        const ExtractOptions& options);

}  // namespace nntune::extract
