/// The page of `nntune explain --html`: the program with its times, each choice, and the e-graph to walk through.
#pragma once

#include <string>

#include "base/json_fwd.h"

namespace nntune::reports {

/// \param facts   what `nntune explain --json` prints
/// \param egraph  its classes and nodes (cli/explain_facts.h)
[[nodiscard]] std::string explain_page(const Json& facts, const Json& egraph);

}  // namespace nntune::reports
