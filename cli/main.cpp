#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "cli/command.h"

namespace nntune::cli {
namespace {

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

int report(const Error& error) {
  const bool usage = error.kind == ErrorKind::usage;
  // One line whatever a library put into its message.
  std::string line = error.message();
  for (char& c : line) c = c == '\n' || c == '\r' ? ' ' : c;
  // fmt::print throws where stderr cannot be written, and this is what reports exceptions.
  std::fputs(fmt::format("nntune: {}\n", line).c_str(), stderr);
  return usage ? kWrongUsage : kFailed;
}

int wrong_usage(std::string_view what, std::string_view hint) {
  return report({ErrorKind::usage, std::string(what), std::string(hint)});
}

void print_help() {
  fmt::print(
      "nntune finds, measures, remembers and reuses the fastest CPU programs for language models.\n\n"
      "usage: nntune COMMAND [ARGUMENTS]\n\n");
  for (const Command* command : commands()) {
    if (!command->hidden) fmt::print("  {:<10} {}\n", command->name, command->summary);
  }
  fmt::print(
      "\n`nntune COMMAND --help` lists the arguments of a command; `nntune --version` prints the version.\n"
      "Exit codes: 0 fine, 1 failed, 2 wrong usage, 130 a search that was interrupted (nothing is lost).\n");
}

const Command* find(std::string_view name) {
  for (const Command* command : commands()) {
    if (name == command->name) return command;
  }
  return nullptr;
}

int run(const Command& command, int argc, char** argv) {
  Options options(fmt::format("nntune {}", command.name), command.summary, command.arguments);
  command.declare(options);
  const Expected<Arguments> arguments = options.parse(argc, argv);
  if (!arguments) return report(arguments.error());
  if (arguments->has("help")) {
    fmt::print("{}", options.help());
    return kOk;
  }
  const Expected<int> code = command.run(*arguments);
  return code ? *code : report(code.error());
}

int dispatch(int argc, char** argv) {
  if (argc < 2) return wrong_usage("no command given", "see `nntune --help`");
  const std::string_view name = argv[1];
  if (name == "--help" || name == "-h" || name == "help") {
    print_help();
    return kOk;
  }
  if (name == "--version") {
    fmt::print("nntune {}\n", NNTUNE_VERSION);
    return kOk;
  }
  if (const Command* command = find(name)) return run(*command, argc - 1, argv + 1);
  return wrong_usage(fmt::format("unknown {} '{}'", name.starts_with('-') ? "option" : "command", name),
                     "see `nntune --help`");
}

/// Ends as any filter does whose reader went away: silently, by the signal.
[[noreturn]] void end_by_sigpipe() {
  std::signal(SIGPIPE, SIG_DFL);
  std::raise(SIGPIPE);
  std::_Exit(kFailed);
}

int guarded_main(int argc, char** argv) {
  // A worker that died must be seen as a failed write, not as a signal that ends the search.
  std::signal(SIGPIPE, SIG_IGN);
  // A limit on the size of files must be seen as a failed write, like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  int code = kOk;
  try {
    code = dispatch(argc, argv);
  } catch (const std::system_error& e) {
    if (e.code().value() == EPIPE) end_by_sigpipe();
    code = report({ErrorKind::io, e.what(), "check the disk and its permissions"});
  } catch (const std::bad_alloc&) {
    code = report({ErrorKind::io, "out of memory", "close other programs or take a smaller model"});
  } catch (const std::exception& e) {
    code = report({ErrorKind::internal, e.what(), "this is a bug of nntune, please report it"});
  }
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    if (errno == EPIPE) end_by_sigpipe();
    const int failed = report({ErrorKind::io, "cannot write the output", "check the disk that stdout goes to"});
    if (code == kOk) code = failed;
  }
  return code;
}

}  // namespace
}  // namespace nntune::cli

int main(int argc, char** argv) { return nntune::cli::guarded_main(argc, argv); }
