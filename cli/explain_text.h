/// The facts of `nntune explain` for a terminal of 80 columns.
#pragma once

#include <string>

#include "cli/explain_facts.h"

namespace nntune::cli {

enum class Detail {
  tables,        ///< what was chosen from, what it takes, and a table for each phase
  what_matters,  ///< also the choices that take time or are close, how matrices are stored, and what a limit cut off
  all,           ///< every choice, with rules, bounds and inputs
};

[[nodiscard]] std::string render(const ExplainFacts& facts, Detail detail);

}  // namespace nntune::cli
