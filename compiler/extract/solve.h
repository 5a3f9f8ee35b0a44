/// DAG extraction: greedy bottom-up with the cost of shared parts counted once, then local improvement.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "base/error.h"
#include "compiler/extract/problem.h"

namespace nntune::extract {

struct Solution {
  static constexpr std::int32_t kNoOption = -1;
  std::vector<std::int32_t> choice;  ///< by class: the option taken; also for classes that are not reached
  double cost = std::numeric_limits<double>::infinity();  ///< seconds of the objective and price of stored constants
  double seconds = 0;                                     ///< without the price
  double stored_bytes = 0;
};

struct SolveResult {
  Solution best;
  double greedy_seconds = 0;  ///< `seconds` of the best greedy start
};

/// The greedy start is that of extraction-gym's faster-greedy-dag: each class keeps the set of classes and constants that its
/// best option needs, so that what two operands share is paid once. It runs from several starting points, since the phases
/// must agree on one layout for each weight. Then, until nothing helps: another option for one class, another stored form for
/// a weight in all phases at once, or a class that several others might share. Costs within 1e-9 count as equal, the earlier option wins.
/// Errors: infeasible (an output has no finite option).
[[nodiscard]] Expected<SolveResult> solve(const Problem& problem);

/// True cost of a choice; infinite where it is cyclic or incomplete.
[[nodiscard]] Solution evaluate(const Problem& problem, std::vector<std::int32_t> choice);

/// A stored matrix and the best solution that stores it in another layout, in all phases.
struct LayoutChoice {
  static constexpr std::uint32_t kNone = 0xffffffff;
  std::uint32_t stored = kNone;     ///< constant
  std::uint32_t runner_up = kNone;  ///< constant made of the same matrices; kNone: there is no other
  Solution solution;                ///< with the runner-up; cost is infinite without one
};
[[nodiscard]] std::vector<LayoutChoice> layout_choices(const Problem& problem, const Solution& solution);

/// Classes that a choice needs in one section, operands first.
[[nodiscard]] std::vector<std::uint32_t> needed_classes(const Problem& problem, const std::vector<std::int32_t>& choice,
                                                        const ProblemSection& section);

}  // namespace nntune::extract
