/// The extraction problem of tensor programs as one of any e-graph, so that what is there for those serves here too.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/dag/greedy.h"
#include "compiler/egraph/extraction_instance.h"
#include "compiler/extract/problem.h"

namespace nntune::extract {

/// One class for each run-time class, its options the nodes, and behind them one for each constant, whose only node costs its price
/// and takes its bytes: what sections share is paid once, and the bytes of all stored constants stay within `capacity_bytes`.
/// \param layouts  of the states, all others left out; nullptr: sections may take different ones, which is no program but costs no
///                 more than any
[[nodiscard]] egraph::ExtractionInstance to_instance(const Problem& problem, double capacity_bytes,
                                                     const StateLayouts* layouts = nullptr);

/// By class, an option (Solution::kNoOption where there is none) as a node of that instance; constants are chosen.
[[nodiscard]] dag::Choice to_nodes(const Problem& problem, const egraph::ExtractionInstance& instance,
                                   const std::vector<std::int32_t>& choice);
/// The other way round.
[[nodiscard]] std::vector<std::int32_t> to_options(const Problem& problem, const egraph::ExtractionInstance& instance,
                                                   const dag::Choice& choice);

/// The node of a constant.
[[nodiscard]] inline std::uint32_t node_of_constant(const Problem& problem, const egraph::ExtractionInstance& instance,
                                                    std::uint32_t constant) {
  return instance.class_begin[problem.classes.size() + constant];
}

}  // namespace nntune::extract
