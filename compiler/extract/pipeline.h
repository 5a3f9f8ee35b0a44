/// What a compiler with fixed phases makes of a model, to be compared with what the e-graph makes of it.
#pragma once

#include <span>

#include "base/error.h"
#include "compiler/extract/cost_model.h"
#include "compiler/extract/extract.h"
#include "compiler/graph/graph.h"

namespace nntune::extract {

/// Runs the families of rules one after the other, each until nothing new follows, and keeps only the cheapest program of each
/// before the next one goes on from it; under the same costs and with the same rules as `extract_explained`, which looks at all
/// of them together. The order is that of other compilers: merging, folding, layouts, fusion. While no kernel can be generated
/// for a matmul, because its weights are not packed yet, it counts as a read of its operands at a slow speed.
/// Errors: as extract_explained.
[[nodiscard]] Expected<Extraction> extract_by_pipeline(std::span<const graph::Phase> phases, const CostModel& costs,
                                                       const ExtractOptions& options);

}  // namespace nntune::extract
