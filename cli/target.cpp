// `nntune target`: what this CPU is, measured now, and kept in the database for the commands that must not measure.
#include "base/target.h"
#include "base/target_text.h"
#include "cli/command.h"
#include "cli/options.h"
#include "db/database.h"

#include <fmt/format.h>

#include <cstdio>

namespace nntune::cli {
namespace {

void declare(cxxopts::Options& options) {
  options.add_options()("json", "print JSON");
  declare_db_option(options);
}

Expected<int> run(const cxxopts::ParseResult& arguments) {
  // A database that cannot take the result is better known before the measuring than after.
  auto path = read_db_option(arguments);
  if (!path) {
    NNTUNE_ASSIGN(path, db::default_path());
  }
  NNTUNE_ASSIGN(auto database, db::Database::open(*path, db::Mode::read_write));
  NNTUNE_ASSIGN(const Target target, measure_target());
  NNTUNE_ASSIGN([[maybe_unused]] const std::int64_t id, database.record_target(target));
  fmt::print("{}", arguments.count("json") != 0 ? target.to_json().dump(2) + "\n" : render_target(target));
  std::fflush(stdout);
  fmt::print(stderr, "stored in {}\n", path->string());
  return 0;
}

}  // namespace

extern const Command kTargetCommand;
const Command kTargetCommand = {
    "target", "", "measure what this CPU can do and remember it", declare, run,
};

}  // namespace nntune::cli
