#include "cli/command.h"

#include <array>

namespace nntune::cli {

// One line a command, in the order of the help: declare it here, define it in cli/NAME.cpp, list it below.
extern const Command kTarget;

std::span<const Command* const> commands() {
  static constexpr std::array kCommands = {
      &kTarget,
  };
  return kCommands;
}

}  // namespace nntune::cli
