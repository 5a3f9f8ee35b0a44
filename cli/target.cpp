// `nntune target`: what this CPU is, measured now, and kept in the database for the commands that must not measure.
#include "base/target.h"
#include "base/json.h"
#include "base/other_load.h"
#include "base/target_text.h"
#include "cli/command.h"
#include "cli/options.h"
#include "db/database.h"
#include "db/query.h"

#include <fmt/format.h>

#include <cstdio>

namespace nntune::cli {
namespace {

void declare(Options& options) {
  options.flag("json", "print JSON");
  declare_db_option(options);
}

Expected<int> run(const Arguments& arguments) {
  // A database that cannot take the result is better known before the measuring than after.
  auto path = read_db_option(arguments);
  if (!path) {
    NNTUNE_ASSIGN(path, db::default_path());
  }
  NNTUNE_ASSIGN(auto database, db::Database::open(*path, db::Mode::read_write));
  NNTUNE_ASSIGN(const Target target, measure_target());
  NNTUNE_ASSIGN([[maybe_unused]] const std::int64_t id, database.record_target(target));
  NNTUNE_ASSIGN(const auto stored, db::find_target(database, target));
  // What is kept is shown, the best of all runs; the load is this run's.
  Target best = stored ? stored->latest : target;
  best.other_load_cores = target.other_load_cores;
  fmt::print("{}", arguments.has("json") ? best.to_json().dump(2) + "\n" : render_target(best));
  std::fflush(stdout);
  if (target.was_busy()) {
    fmt::print(stderr, "{} while this was measured: run it again on a quiet machine, the best of all runs is kept\n",
               other_load_text(target.other_load_cores, target.cores));
  }
  fmt::print(stderr, "stored in {}, the best of all runs\n", path->string());
  return 0;
}

}  // namespace

extern const Command kTargetCommand;
const Command kTargetCommand = {
    "target", "", "measure what this CPU can do and remember it", declare, run,
};

}  // namespace nntune::cli
