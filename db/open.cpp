// Opening: what the file is, before SQLite may touch it; then how it is used.
#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "db/database.h"
#include "db/migrations.h"
#include "db/schema.h"

namespace nntune::db {
namespace {

namespace fs = std::filesystem;

enum class FileState { missing, empty, ours };

tl::unexpected<Error> refuse(const fs::path& path, std::string_view why) {
  return fail(ErrorKind::bad_input, fmt::format("{} {}", path.string(), why),
              "give another file with --db; this one is left as it is");
}

/// Reads the header only, so that a file of somebody else is never written to, locked or given a -wal beside it.
/// The application id is in page 1 from the first commit on (made before WAL is switched on), so the bytes can be trusted;
/// the schema version may still be in the WAL and is asked of SQLite later. See sqlite.org/fileformat.html, section 1.3.
Expected<FileState> inspect(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return FileState::missing;
  if (error) {
    return fail(ErrorKind::io, fmt::format("cannot look at {}: {}", path.string(), error.message()),
                "check the path and its permissions, or give another file with --db");
  }
  if (fs::is_directory(status))
    return fail(ErrorKind::bad_input, fmt::format("{} is a folder", path.string()), "give a file with --db");
  if (!fs::is_regular_file(status)) {
    return fail(ErrorKind::bad_input, fmt::format("{} is not a regular file", path.string()), "give a file with --db");
  }

  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return fail(ErrorKind::io, fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)),
                "check its permissions, or give another file with --db");
  }
  std::array<unsigned char, 100> header{};
  const ssize_t size = ::pread(fd, header.data(), header.size(), 0);
  const int read_errno = errno;
  ::close(fd);
  if (size < 0) {
    return fail(ErrorKind::io, fmt::format("cannot read {}: {}", path.string(), std::strerror(read_errno)),
                "check the disk");
  }
  if (size == 0) return FileState::empty;
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  if (std::memcmp(header.data(), kMagic.data(), std::min<std::size_t>(kMagic.size(), static_cast<std::size_t>(size))) != 0) {
    return refuse(path, "is not a tuning database");
  }
  if (size < static_cast<ssize_t>(header.size())) return refuse(path, "is truncated: not even its header is whole");
  std::uint32_t application_id = 0;
  for (std::size_t i = 68; i < 72; ++i) application_id = (application_id << 8) | header[i];
  if (application_id != static_cast<std::uint32_t>(kApplicationId))
    return refuse(path, "is an SQLite database of another program");
  return FileState::ours;
}

/// `path` as a URI for SQLite that says: nobody writes to this file now.
std::string immutable_uri(const fs::path& path) {
  std::string uri = "file:";
  for (const char c : path.string()) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.' ||
                       c == '_' || c == '-';
    uri += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return uri + "?immutable=1";
}

Expected<std::unique_ptr<sqlite::Connection>> empty_in_memory(const fs::path& path) {
  NNTUNE_ASSIGN(auto connection, sqlite::Connection::open(":memory:", SQLITE_OPEN_READWRITE, path));
  NNTUNE_TRY(migrate(*connection));
  NNTUNE_TRY(connection->execute("PRAGMA query_only = ON"));
  return connection;
}

tl::unexpected<Error> missing(const fs::path& path) {
  return fail(ErrorKind::io, fmt::format("there is no tuning database {}", path.string()),
              "check the name given with --db; `nntune search` and `nntune target` make one");
}

Expected<std::unique_ptr<sqlite::Connection>> open_read_only(const fs::path& path, bool may_be_missing) {
  NNTUNE_ASSIGN(const FileState state, inspect(path));
  if (state == FileState::missing && !may_be_missing) return missing(path);
  if (state != FileState::ours) return empty_in_memory(path);

  NNTUNE_ASSIGN(auto connection, sqlite::Connection::open(path.string(), SQLITE_OPEN_READONLY, path));
  auto version = read_schema_version(*connection, schema_version());
  const int code = connection->last_code();
  if (!version && (code == SQLITE_CANTOPEN || code == SQLITE_READONLY)) {
    // A WAL database needs its -shm beside it, which a read-only folder does not allow. If the WAL is empty too, all data is
    // in the file itself and can be read without.
    std::error_code error;
    const auto wal_bytes = fs::file_size(path.string() + "-wal", error);
    if (!error && wal_bytes > 0) {
      return fail(ErrorKind::io, fmt::format("{}-wal holds unfinished writes, and the folder is read-only", path.string()),
                  "open it once with `nntune db stats` as a user who may write there");
    }
    NNTUNE_ASSIGN(connection, sqlite::Connection::open(immutable_uri(path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, path));
    version = read_schema_version(*connection, schema_version());
  }
  if (!version) return tl::unexpected(version.error());
  if (*version < schema_version()) {
    return fail(ErrorKind::unsupported,
                fmt::format("{} has schema {}, written by an older nntune; this one reads {}", path.string(), *version,
                            schema_version()),
                fmt::format("run `nntune db migrate --db {}`, which keeps every row", path.string()));
  }
  return connection;
}

/// Readers and one writer at a time without blocking each other. The switch needs the file for itself for a moment and,
/// other than everything else, does not wait for it. A file system that cannot do WAL (no shared memory) keeps the rollback
/// journal, which is as safe and only slower.
Status use_wal(sqlite::Connection& connection) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (true) {
    {
      NNTUNE_ASSIGN(auto query, connection.prepare("PRAGMA journal_mode"));
      NNTUNE_TRY(query.step());
      if (query.text(0) == "wal") return {};
    }
    Status switched = connection.execute("PRAGMA journal_mode = WAL");
    if (switched) return {};
    if (connection.last_code() != SQLITE_BUSY || std::chrono::steady_clock::now() > give_up) return switched;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Expected<std::unique_ptr<sqlite::Connection>> open_read_write(const fs::path& path) {
  NNTUNE_ASSIGN(const FileState state, inspect(path));
  if (state == FileState::missing) {
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (error) {
      return fail(ErrorKind::io,
                  fmt::format("cannot create the folder {}: {}", path.parent_path().string(), error.message()),
                  "check its permissions, or give another file with --db");
    }
    // SQLite would tell of its second try, to open the missing file for reading.
    if (::access(path.parent_path().c_str(), W_OK | X_OK) != 0) {
      return fail(ErrorKind::io, fmt::format("cannot create {}: {}", path.string(), std::strerror(errno)),
                  "check the permissions of the folder, or give another file with --db");
    }
  }
  NNTUNE_ASSIGN(auto connection, sqlite::Connection::open(path.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, path));
  NNTUNE_TRY(read_schema_version(*connection, schema_version()));
  if (connection->read_only()) {
    return fail(ErrorKind::io, fmt::format("{} is read-only", path.string()),
                "make it and its folder writable, or give another file with --db");
  }
  // In WAL mode NORMAL syncs only at checkpoints: a power cut would take the last commits, minutes of measuring. FULL syncs
  // the log at each commit, so that it takes at most the measurement in flight. It costs one fsync a measurement, which is
  // little beside checking and timing one.
  NNTUNE_TRY(connection->execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON"));
  NNTUNE_TRY(migrate(*connection));
  NNTUNE_TRY(use_wal(*connection));
  return connection;
}

Expected<fs::path> absolute_path(const fs::path& path) {
  if (!path.has_filename())
    return fail(ErrorKind::usage, fmt::format("\"{}\" is no file name", path.string()), "give a file with --db");
  std::error_code error;
  // Also keeps names that mean something else to SQLite, such as ":memory:", what they are: file names.
  const fs::path absolute = fs::absolute(path, error);
  if (error)
    return fail(ErrorKind::io, fmt::format("cannot find the current folder: {}", error.message()),
                "give an absolute path with --db");
  return absolute;
}

Expected<std::unique_ptr<sqlite::Connection>> connect(const fs::path& path, Mode mode) {
  switch (mode) {
    case Mode::read_only: return open_read_only(path, false);
    case Mode::read_only_if_there: return open_read_only(path, true);
    case Mode::read_write: break;
  }
  return open_read_write(path);
}

}  // namespace

Expected<fs::path> default_path() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value == nullptr ? "" : value);
  };
  // The XDG base directory specification has relative paths ignored.
  if (const fs::path data = variable("XDG_DATA_HOME"); data.is_absolute()) return data / "nntune" / "tuning.db";
  fs::path home = variable("HOME");
  if (!home.is_absolute()) {
    const passwd* user = ::getpwuid(::getuid());
    home = user == nullptr || user->pw_dir == nullptr ? "" : user->pw_dir;
  }
  if (!home.is_absolute())
    return fail(ErrorKind::usage, "there is no home folder to keep the tuning database in", "give a file with --db");
  return home / ".local" / "share" / "nntune" / "tuning.db";
}

Expected<Database> Database::open(const fs::path& path, Mode mode) {
  NNTUNE_ASSIGN(const fs::path absolute, absolute_path(path));
  NNTUNE_ASSIGN(auto connection, connect(absolute, mode));
  return Database(std::move(connection));
}

Expected<SchemaChange> migrate_file(const fs::path& path) {
  NNTUNE_ASSIGN(const fs::path absolute, absolute_path(path));
  NNTUNE_ASSIGN(const FileState state, inspect(absolute));
  if (state == FileState::missing) return missing(absolute);
  SchemaChange change;
  if (state == FileState::ours) {
    NNTUNE_ASSIGN(const auto before, sqlite::Connection::open(absolute.string(), SQLITE_OPEN_READWRITE, absolute));
    NNTUNE_ASSIGN(change.before, read_schema_version(*before, schema_version()));
  }
  NNTUNE_ASSIGN(const auto migrated, open_read_write(absolute));
  NNTUNE_ASSIGN(change.after, read_schema_version(*migrated, schema_version()));
  return change;
}

}  // namespace nntune::db
