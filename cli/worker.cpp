#include <cstdlib>

#include "cli/command.h"
#include "cli/options.h"
#include "tuner/worker_main.h"

namespace nntune::cli {
namespace {

void declare(Options& options) {
  options.add("parent", "process that started this worker", "PROCESS");
  options.positional({"parent"});
}

Expected<int> run(const Arguments& arguments) {
  if (!arguments.has("parent")) return fail(ErrorKind::usage, "a worker is started by `nntune search` only");
  NNTUNE_ASSIGN(const std::int64_t parent, parse_integer(arguments.text("parent"), "parent", 1, INT32_MAX));
  return tuner::worker_main(static_cast<pid_t>(parent));
}

}  // namespace

extern const Command kWorkerCommand;
const Command kWorkerCommand{.name = "__worker",
                             .arguments = "PARENT",
                             .summary = "one worker process of a search",
                             .declare = declare,
                             .run = run,
                             .hidden = true};

}  // namespace nntune::cli
