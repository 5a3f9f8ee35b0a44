/// The tuning database: every measurement ever made, with where it came from, in one SQLite file.
///
/// What is promised: a row that insert_measurement() returned for survives kill -9 and a power cut (at most the measurement
/// in flight is lost); several processes may write to one file at once; a file that is not a tuning database, or one of a
/// newer nntune, is refused and left as it is. Reading is in db/query.h, the tables in docs/database.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/target.h"
#include "db/records.h"
#include "db/sqlite.h"

namespace nntune::db {

enum class Mode {
  read_only,           ///< nothing is created or migrated: a missing file is an error, and one with an older schema
  read_only_if_there,  ///< the same, but a missing file reads as an empty database
  read_write,          ///< a missing file and its folders are created, an older schema is migrated
};

/// $XDG_DATA_HOME/nntune/tuning.db, else ~/.local/share/nntune/tuning.db.
[[nodiscard]] Expected<std::filesystem::path> default_path();

struct SchemaChange {
  int before = 0;  ///< 0: the file was empty
  int after = 0;
};
/// Brings the database at `path` to the schema of this nntune; every row stays. Errors: io (there is no file; none is created),
/// and those of opening it for writing.
[[nodiscard]] Expected<SchemaChange> migrate_file(const std::filesystem::path& path);

/// Usable from several threads; not across fork(): a child opens its own.
class Database {
 public:
  [[nodiscard]] static Expected<Database> open(const std::filesystem::path& path, Mode mode);

  /// Stores one measurement in a transaction of its own; when this returns, it is on the disk. The fields marked "set by the
  /// database" are computed here. Storing the same content again (a merge) adds nothing. Takes one fsync, 1 to 10 ms on most
  /// disks: a search that cannot wait gives it to a thread with a Database of its own. \return its id
  [[nodiscard]] Expected<std::int64_t> insert_measurement(const Measurement& measurement);

  /// The id of the stored target of the same kind (Target::same_kind), which is added if there is none. When `target` was
  /// measured, what is better in it becomes part of the `latest` of its kind (Target::best_with).
  [[nodiscard]] Expected<std::int64_t> record_target(const Target& target);

  /// Notes that a command has begun; a session that is never ended was killed. \return its id
  [[nodiscard]] Expected<std::int64_t> begin_session(const Session& session);
  /// \param other_load_cores  what other processes took meanwhile
  [[nodiscard]] Status end_session(std::int64_t id, Outcome outcome, const std::optional<Throughput>& start,
                                   const std::optional<Throughput>& result, double other_load_cores);

  /// What these sessions measured, the queries of this object leave out from now on; none: nothing any more. The file stays as it
  /// is. For comparisons in which nobody may know what the others found.
  [[nodiscard]] Status hide_sessions(std::span<const std::int64_t> ids);

  [[nodiscard]] const std::filesystem::path& path() const { return connection_->path(); }
  /// For the queries of this folder.
  [[nodiscard]] sqlite::Connection& connection() const { return *connection_; }

 private:
  explicit Database(std::unique_ptr<sqlite::Connection> connection) : connection_(std::move(connection)) {}
  std::unique_ptr<sqlite::Connection> connection_;
};

}  // namespace nntune::db
