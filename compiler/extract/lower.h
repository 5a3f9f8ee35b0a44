/// From a choice of e-nodes to kernels in order.
#pragma once

#include "base/error.h"
#include "compiler/egraph/egraph.h"
#include "compiler/egraph/smallest_term.h"
#include "compiler/extract/problem.h"
#include "compiler/extract/program.h"
#include "compiler/extract/solve.h"
#include "compiler/graph/graph.h"
#include "compiler/rules/language.h"

namespace nntune::extract {

/// \param phases  as given to the extraction; `problem.sections` are theirs, in order
[[nodiscard]] Expected<Program> lower(std::span<const graph::Phase> phases, const egraph::EGraph& graph,
                                      const rules::Language& language, const egraph::SmallestTerms& terms,
                                      const Problem& problem, const Solution& solution);

}  // namespace nntune::extract
