#include "db/migrations.h"

#include <fmt/format.h>

#include <array>
#include <cassert>

#include "db/schema.h"

namespace nntune::db {
namespace {

constexpr std::array kMigrations = {Migration{1, kSchema1}, Migration{2, kSchema2}, Migration{3, kSchema3},
                                    Migration{4, kSchema4}};

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

int schema_version() { return kMigrations.back().version; }

Expected<int> read_schema_version(sqlite::Connection& connection, int newest) {
  NNTUNE_ASSIGN(const std::int64_t version, connection.integer("PRAGMA user_version"));
  if (version > newest) {
    return fail(ErrorKind::unsupported,
                fmt::format("{} has schema {}, written by a newer nntune; this one knows up to {}",
                            connection.path().string(), version, newest),
                "upgrade nntune, or give another file with --db");
  }
  if (version < 0) {
    return fail(ErrorKind::bad_input, fmt::format("{} has the impossible schema {}", connection.path().string(), version),
                "restore it from a copy, or move it away to begin an empty one");
  }
  return static_cast<int>(version);
}

Status migrate(sqlite::Connection& connection, std::span<const Migration> list) {
  assert(!list.empty());
  const int newest = list.back().version;
  NNTUNE_ASSIGN(const int before, read_schema_version(connection, newest));
  if (before == newest) return {};

  NNTUNE_ASSIGN(auto transaction, sqlite::Transaction::begin(connection));
  // Another process may have migrated while this one waited for the lock.
  NNTUNE_ASSIGN(const int version, read_schema_version(connection, newest));
  for (const Migration& step : list) {
    if (step.version > version) NNTUNE_TRY(connection.execute(std::string(step.sql)));
  }
  if (version == 0) NNTUNE_TRY(connection.execute(fmt::format("PRAGMA application_id = {}", kApplicationId)));
  NNTUNE_TRY(connection.execute(fmt::format("PRAGMA user_version = {}", newest)));
  return transaction.commit();
}

}  // namespace nntune::db
