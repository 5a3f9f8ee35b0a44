/// A subcommand as data: what it is called, which options it takes, what it does. One file a subcommand.
#pragma once

#include <cxxopts.hpp>
#include <span>

#include "base/error.h"

namespace nntune::cli {

/// `main` parses the arguments (wrong ones: one line, exit code 2), prints the help, and maps an Error to one line and an
/// exit code: 2 for ErrorKind::usage, else 1. cxxopts' exceptions thrown inside `run` are caught as well.
struct Command {
  const char* name;
  const char* arguments;  ///< of the usage line, e.g. "MODEL -o FILE"
  const char* summary;    ///< one line
  /// Declares options; positional ones by options.parse_positional. -h, --help is there already. Numbers and lists are best
  /// taken as strings and read with cli/options.h, which is stricter than cxxopts.
  void (*declare)(cxxopts::Options& options);
  /// The exit code.
  Expected<int> (*run)(const cxxopts::ParseResult& arguments);
  bool hidden = false;  ///< not in `nntune --help`
};

/// All commands, in the order of the help.
[[nodiscard]] std::span<const Command* const> commands();

}  // namespace nntune::cli
