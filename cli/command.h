/// A subcommand as data: what it is called, which options it takes, what it does. One file a subcommand.
#pragma once

#include <span>

#include "base/error.h"
#include "cli/arguments.h"

namespace nntune::cli {

/// `main` parses the arguments (wrong ones: one line, exit code 2), prints the help, and maps an Error to one line and an
/// exit code: 2 for ErrorKind::usage, else 1.
struct Command {
  const char* name;
  const char* arguments;  ///< of the usage line, e.g. "MODEL -o FILE"
  const char* summary;    ///< one line
  /// Declares options beside -h, --help.
  void (*declare)(Options& options);
  /// The exit code.
  Expected<int> (*run)(const Arguments& arguments);
  bool hidden = false;  ///< not in `nntune --help`
};

/// All commands, in the order of the help.
[[nodiscard]] std::span<const Command* const> commands();

}  // namespace nntune::cli
