/// Lower bounds by the most expensive path that cannot be avoided.
///
/// The linear relaxation spreads a class over many nodes, each of which needs only a little of its children, so that it loses
/// the cost of long chains. A chain has to be paid whatever is shared: below a node lies its most expensive child, and all of
/// what that takes.
#pragma once

#include <span>
#include <vector>

#include "compiler/dag/greedy.h"

namespace nntune::dag {

class Needs;

/// Together above[c] + below_node[n] bound the cost of every extraction in which class c chooses node n.
struct PathBounds {
  std::vector<double> below_node;  ///< cost of the node and of what it needs
  std::vector<double> below;       ///< by class: of its cheapest node
  std::vector<double> above;       ///< by class: cost of the cheapest path from a root to it, the class itself left out
  double total = 0;                ///< of every extraction
};

/// \param cost  by node
/// Where `needs` is known, what a node needs beside the path counts too, as far as it cannot lie below the next class of the path.
[[nodiscard]] PathBounds path_bounds(const ExtractionInstance& instance, std::span<const double> cost, const Needs& needs);

}  // namespace nntune::dag
