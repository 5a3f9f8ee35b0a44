/// Sets of classes that support only each other in a fractional solution.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/dag/greedy.h"

namespace nntune::dag {

/// A set of classes of one component, and how often its nodes that have no child in it are chosen. Whoever needs one of the
/// classes needs one of these nodes.
struct Loop {
  std::vector<std::uint32_t> classes;
  double outside = 0;
};

/// Sets with a class that is needed more often than `outside`, by more than `tolerance`. Finding all is NP-hard (nodes have
/// several children): starts from the classes that the solution does not support from the leaves up, and adds and removes
/// classes while that makes `outside` smaller.
/// \param chosen  by node
/// \param needed  by class
[[nodiscard]] std::vector<Loop> unsupported_loops(const ExtractionInstance& instance,
                                                  std::span<const std::uint32_t> component, std::span<const double> chosen,
                                                  std::span<const double> needed, double tolerance);

}  // namespace nntune::dag
