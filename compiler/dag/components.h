/// Strongly connected components of an e-graph's classes.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/egraph/extraction_instance.h"

namespace nntune::dag {

/// By class, of the relation "has a node with the child"; children have the smaller numbers (Tarjan 1972).
[[nodiscard]] std::vector<std::uint32_t> components(const egraph::ExtractionInstance& instance);

}  // namespace nntune::dag
