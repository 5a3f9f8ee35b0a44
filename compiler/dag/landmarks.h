/// Lower bounds by landmarks: sets of nodes of which every extraction chooses one.
///
/// DAG extraction is the delete relaxation of AI planning: a class is a fact, a node an action, its children the preconditions, and the
/// cheapest extraction the optimal relaxed plan. So the LM-cut heuristic bounds it (Helmert and Domshlak, "Landmarks, Critical
/// Paths and Abstractions: What's the Difference Anyway?", ICAPS 2009): find a landmark across the most expensive path, charge its
/// cheapest node to it, take that from the costs of all its nodes, and go on with what is left.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "compiler/dag/greedy.h"

namespace nntune::dag {

struct Landmarks {
  double bound = 0;                              ///< no extraction costs less
  std::vector<double> rest;                      ///< by node: cost that is not charged to any landmark
  std::vector<std::vector<std::uint32_t>> sets;  ///< of nodes; every extraction chooses one of each
};

/// `instance` comes from drop_useless() and all its roots are derivable. Ends when nothing is left to charge, after `most` rounds,
/// or by `stop`.
[[nodiscard]] Landmarks find_landmarks(const ExtractionInstance& instance, std::size_t most,
                                       const std::function<bool()>& stop = {});

/// Landmarks of which `chosen` (by node, fractions) takes less than 1 - `tolerance` in all: cuts at several heights of the
/// most expensive path when nodes cost what `chosen` says.
[[nodiscard]] std::vector<std::vector<std::uint32_t>> landmarks_broken_by(const ExtractionInstance& instance,
                                                                          std::span<const double> chosen, double tolerance);

}  // namespace nntune::dag
