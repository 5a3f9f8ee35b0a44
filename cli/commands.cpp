#include "cli/command.h"

namespace nntune::cli {

// One line a command, in the order of the help: declare it here, define it in cli/NAME.cpp, list it below.
// (none yet)

std::span<const Command* const> commands() { return {}; }

}  // namespace nntune::cli
