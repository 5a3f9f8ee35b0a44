/// Brings a database file to the schema of this nntune, or says why not.
#pragma once

#include <span>
#include <string_view>

#include "base/error.h"
#include "db/sqlite.h"

namespace nntune::db {

/// SQL that leads from schema `version - 1` to `version`; version 1 starts from an empty file.
struct Migration {
  int version;
  std::string_view sql;
};

/// Ascending versions without a gap, from 1.
[[nodiscard]] std::span<const Migration> migrations();

/// The version this nntune writes.
[[nodiscard]] int schema_version();

/// The version of the file, 0 when it is still empty. A version above `newest` is refused: only a newer nntune knows what
/// its columns mean, and writing rows without them would be a silent loss.
[[nodiscard]] Expected<int> read_schema_version(sqlite::Connection& connection, int newest);

/// Runs what is missing of `list` in one transaction: after a crash the file has the old schema or the new one. Several
/// processes may do this at once; the first one does the work.
[[nodiscard]] Status migrate(sqlite::Connection& connection, std::span<const Migration> list = migrations());

}  // namespace nntune::db
