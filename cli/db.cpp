// `nntune db`: what the tuning database holds, and bringing it to the schema of this nntune.
#include "db/database.h"

#include <fmt/format.h>

#include <string>

#include "base/json.h"
#include "cli/command.h"
#include "cli/database.h"
#include "cli/options.h"
#include "db/stats.h"

namespace nntune::cli {
namespace {

using Path = std::optional<std::filesystem::path>;

void declare(Options& options) {
  declare_db_option(options);
  options.add(
      "action",
      "stats: what the database holds; migrate: bring it to the schema of this nntune, which only search and target do by "
      "themselves",
      "stats|migrate");
  options.flag("json", "print one JSON object");
  options.positional({"action"});
}

Expected<int> show_stats(const Path& given, bool json) {
  NNTUNE_ASSIGN(const auto database, open_for_reading(given));
  NNTUNE_ASSIGN(const auto stats, db::collect_stats(database));
  fmt::print("{}", json ? stats.to_json().dump(2) + "\n" : db::render(stats));
  return 0;
}

Expected<int> migrate(const Path& given, bool json) {
  NNTUNE_ASSIGN(const std::filesystem::path path, database_path(given));
  NNTUNE_ASSIGN(const db::SchemaChange change, db::migrate_file(path));
  if (json) {
    const Json result = {{"path", path.string()}, {"schema_before", change.before}, {"schema", change.after}};
    fmt::print("{}\n", result.dump(2));
  } else if (change.before == change.after) {
    fmt::print("{} has schema {} already\n", path.string(), change.after);
  } else {
    fmt::print("{}: schema {} is now {}\n", path.string(), change.before, change.after);
  }
  return 0;
}

Expected<int> run(const Arguments& arguments) {
  constexpr const char* kHint = "try `nntune db stats` or `nntune db migrate`";
  if (!arguments.has("action")) return fail(ErrorKind::usage, "no action given", kHint);
  const auto& action = arguments.text("action");
  const bool json = arguments.has("json");
  if (action == "stats") return show_stats(read_db_option(arguments), json);
  if (action == "migrate") return migrate(read_db_option(arguments), json);
  return fail(ErrorKind::usage, fmt::format("unknown action '{}'", action), kHint);
}

}  // namespace

extern const Command kDbCommand;
const Command kDbCommand = {"db", "stats|migrate [--db FILE] [--json]",
                            "show what the tuning database holds, or bring it to this nntune's schema", declare, run};

}  // namespace nntune::cli
