/// Drawing an e-graph with Graphviz.
#pragma once

#include <string>

#include "compiler/egraph/egraph.h"

namespace nntune::egraph {

/// A digraph with one cluster a class: `dot -Tsvg`. The graph is clean.
[[nodiscard]] std::string to_dot(const EGraph& graph);

}  // namespace nntune::egraph
