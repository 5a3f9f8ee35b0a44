#include "cli/command.h"

namespace nntune::cli {

// One line a command, in the order of the help: declare it here, define it in cli/NAME.cpp, list it below.
extern const Command kTargetCommand;
extern const Command kDbCommand;
extern const Command kWorkerCommand;

std::span<const Command* const> commands() {
  static constexpr const Command* kCommands[] = {
      &kTargetCommand,
      &kDbCommand,
      &kWorkerCommand,
  };
  return kCommands;
}

}  // namespace nntune::cli
