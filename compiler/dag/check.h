/// Checks an extraction against the text of its e-graph, and counts what it costs.
///
/// Written from the definition alone, so that it can disagree with the extractor: it reads the document again, by names, and
/// shares no code with reader, reduction, search or evaluation.
#pragma once

#include <string>

#include "base/json_fwd.h"

namespace nntune::dag {

struct Verdict {
  bool valid = false;
  std::string why;       ///< "" or the first rule that is broken, with names
  double dag_cost = 0;   ///< each class reached from the roots once; 0 if not valid
  double tree_cost = 0;  ///< each use of a class, each root as often as it is listed; may be infinite; 0 if not valid
};

/// \param egraph   an egraph-serialize document
/// \param choices  object: class -> node. Choices of classes that are not reached are ignored, but must be nodes of their class.
/// Valid: every reached class has a choice that belongs to it and is not subsumed, and no choice needs itself.
[[nodiscard]] Verdict check_extraction(const Json& egraph, const Json& choices);

}  // namespace nntune::dag
