/// The facts of `nntune explain` for a terminal of 80 columns.
#pragma once

#include <string>

#include "cli/explain_facts.h"

namespace nntune::cli {

/// What was explored and chosen from, then a table for each phase; for !brief also each kernel's choice, how matrices are stored
/// and what a limit cut off.
[[nodiscard]] std::string render(const ExplainFacts& facts, bool brief);

}  // namespace nntune::cli
