#include "db/database.h"

#include <fmt/format.h>

#include <string>

#include "cli/command.h"
#include "cli/options.h"
#include "db/stats.h"

namespace nntune::cli {
namespace {

void declare(cxxopts::Options& options) {
  declare_db_option(options);
  auto add = options.add_options();
  add("action", "stats: what the database holds", cxxopts::value<std::string>(), "stats");
  add("json", "print one JSON object");
  options.parse_positional({"action"});
}

Expected<int> run(const cxxopts::ParseResult& arguments) {
  if (arguments.count("action") == 0) return fail(ErrorKind::usage, "no action given", "try `nntune db stats`");
  const auto& action = arguments["action"].as<std::string>();
  if (action != "stats") return fail(ErrorKind::usage, fmt::format("unknown action '{}'", action), "try `nntune db stats`");

  auto path = read_db_option(arguments);
  if (!path) {
    NNTUNE_ASSIGN(path, db::default_path());
  }
  NNTUNE_ASSIGN(const auto database, db::Database::open(*path, db::Mode::read_only));
  NNTUNE_ASSIGN(const auto stats, db::collect_stats(database));
  fmt::print("{}", arguments.count("json") != 0 ? stats.to_json().dump(2) + "\n" : db::render(stats));
  return 0;
}

}  // namespace

extern const Command kDbCommand;
const Command kDbCommand = {"db", "stats [--db FILE] [--json]", "show what the tuning database holds", declare, run};

}  // namespace nntune::cli
