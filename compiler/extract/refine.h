/// The extraction problem of tensor programs as one of any e-graph, so that what is there for those serves here too.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

#include "compiler/egraph/extraction_instance.h"
#include "compiler/extract/problem.h"
#include "compiler/extract/solve.h"

namespace nntune::extract {

/// One class for each run-time class, its options the nodes, and one for each constant, whose only node costs its price and takes
/// its bytes: what sections share is paid once, and the bytes of all stored constants stay within `capacity_bytes`.
[[nodiscard]] egraph::ExtractionInstance to_instance(const Problem& problem, double capacity_bytes);

struct RefineOptions {
  double capacity_bytes = std::numeric_limits<double>::infinity();
  std::int64_t rounds = 200;  ///< of local search; a count and not a time, so that the result is the same everywhere
  /// Of the integer program, which is left out by default: it may not end before its time, and how far it comes depends on the
  /// machine. A better solution counts only if it is proved to be the best.
  std::chrono::milliseconds limit{0};
};

struct Refinement {
  Solution best;
  double lower_bound = 0;  ///< no program costs less (Solution::cost)
};

/// A solution at least as good as `start`, which is kept unless another is better by more than 1e-9. Errors: infeasible (nothing
/// fits the capacity).
[[nodiscard]] Expected<Refinement> refine(const Problem& problem, const Solution& start, const RefineOptions& options);

}  // namespace nntune::extract
