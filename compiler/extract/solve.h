/// Which option each class takes: the cheapest program, and how far above the best it may be.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "compiler/extract/problem.h"

namespace nntune::extract {

struct Solution {
  static constexpr std::int32_t kNoOption = -1;
  static constexpr std::uint32_t kNoLayout = 0xffffffff;
  std::vector<std::int32_t> choice;  ///< by class: the option taken; also for classes that are not reached
  double cost = std::numeric_limits<double>::infinity();  ///< seconds of the objective and price of stored constants
  double seconds = 0;                                     ///< without the price
  double stored_bytes = 0;
  StateLayouts states = {};  ///< kNoLayout where no section takes the state
};

struct SolveOptions {
  double capacity_bytes = std::numeric_limits<double>::infinity();  ///< for stored constants; a hard limit
  std::int64_t rounds =
      200;  ///< of the last local search; a count and not a time, so that the result is the same everywhere
  /// Of the integer program, which is left out by default: it may not end before its time, and how far it comes depends on the
  /// machine. A better solution counts only if it is proved to be the best.
  std::chrono::milliseconds proof_limit{0};
};

struct SolveResult {
  Solution best;
  double greedy_seconds = 0;        ///< `seconds` of the best greedy start
  double lower_bound = 0;           ///< no program costs less (Solution::cost)
  std::string solver_trouble = {};  ///< "" or why the integer program gave nothing
  std::vector<Solution> other_states =
      {};  ///< the best found with each other choice of layouts of the states, cheapest first
};

/// Greedy starts (dag/greedy.h), section by section, at the true prices and with one layout for all matrices; the best of them is
/// improved class by class (dag/incumbent.h) and by storing matrices in other forms (forms.h) until nothing helps. Then what
/// serves any e-graph: random changes of prices (dag/local_search.h), bounds, and if wanted an integer program. Costs within a
/// relative 1e-9 count as equal, the earlier option wins. A layout of the states is kept all the while; the others are tried from
/// what was found with it, and take its place where they are cheaper.
/// Errors: infeasible (an output has no finite option, or nothing fits the capacity).
[[nodiscard]] Expected<SolveResult> solve(const Problem& problem, const SolveOptions& options = {});

/// What the program that stores least stores, as far as local search finds it. Errors: infeasible (there is no program).
[[nodiscard]] Expected<double> least_stored_bytes(const Problem& problem);

/// True cost of a choice; infinite where it is cyclic or incomplete, or takes a state in two layouts.
[[nodiscard]] Solution evaluate(const Problem& problem, std::vector<std::int32_t> choice);

/// Classes that a choice needs in one section, operands first.
[[nodiscard]] std::vector<std::uint32_t> needed_classes(const Problem& problem, const std::vector<std::int32_t>& choice,
                                                        const ProblemSection& section);

}  // namespace nntune::extract
