/// DAG extraction: of the terms that an e-graph represents, the one whose distinct classes cost least together.
///
/// NP-hard, and hard to approximate (Stepp, "Equality Saturation: Engineering Challenges and Applications", 2011, section 5.3; Goharshady et al., "Fast and
/// Optimal Extraction for Sparse Equality Graphs", OOPSLA 2024). Here: reduction, greedy start, local search, and if wanted an
/// integer program (Yang et al., "Equality Saturation for Tensor Graph Superoptimization", MLSys 2021, section 5) that proves
/// how near that is.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "base/error.h"
#include "compiler/dag/greedy.h"

namespace nntune::dag {

struct ExtractOptions {
  /// Of the local search; it also ends when nothing can be better. Less than a millisecond: greedy alone.
  std::chrono::milliseconds search_time{800};
  /// Rounds of the local search. A search that ends by this, and not by its time, gives the same result everywhere.
  std::int64_t search_rounds = std::numeric_limits<std::int64_t>::max();
  std::uint64_t seed = 1;
  /// Empty, or a choice that is known already; what is not cheaper does not replace it.
  Choice start;
  /// Solve the integer program too, in a process of its own, until all of it took `limit`.
  bool exact = false;
  std::chrono::milliseconds limit{30'000};
  /// Asked a few times a second at least; true: give the best so far.
  std::function<bool()> stop;
};

struct DagExtraction {
  Choice choice;               ///< of the classes that the roots reach, kNone elsewhere
  double cost = 0;             ///< DAG cost
  double bytes = 0;            ///< of the chosen nodes
  double greedy_cost = 0;      ///< of the greedy start; infinite if that did not fit the capacity
  double lower_bound = 0;      ///< no extraction costs less
  bool optimal = false;        ///< cost and bound meet
  bool stopped = false;        ///< ExtractOptions::stop ended it
  std::string solver_trouble;  ///< "" or why the integer program gave nothing
  /// (cost - lower_bound) / cost.
  [[nodiscard]] double gap() const { return cost > 0 ? (cost - lower_bound) / cost : 0; }
};

/// Errors: infeasible (a root has no acyclic derivation, named; or no extraction was found that fits the capacity), interrupted
/// (stopped before anything was found).
[[nodiscard]] Expected<DagExtraction> extract(const ExtractionInstance& instance, const ExtractOptions& options);

/// The greedy start alone, without any reduction but of what is useless: the cheaper one of greedy by DAG and by tree cost.
/// \return a complete choice that costs nothing to make: for benchmarks. kNone at a root that has no derivation.
[[nodiscard]] Choice greedy_choice(const ExtractionInstance& instance);

}  // namespace nntune::dag
