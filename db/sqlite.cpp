#include "db/sqlite.h"

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>

namespace nntune::db::sqlite {
namespace {

constexpr int kBusyTimeoutMs = 10'000;

Error disk_full(const std::filesystem::path& path) {
  return {ErrorKind::io, fmt::format("cannot write to {}: the disk is full", path.string()),
          "free some space and run again: what was stored before is safe"};
}

bool is_full(int system_errno) { return system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG; }

/// A failed COMMIT leaves its errno with the file alone: the log (or journal) or the database.
int file_errno(sqlite3* database) {
  int last = 0;
  sqlite3_file* log = nullptr;
  sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (log != nullptr && log->pMethods != nullptr) log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &last);
  if (last == 0) sqlite3_file_control(database, "main", SQLITE_FCNTL_LAST_ERRNO, &last);
  return last;
}

Error describe(const std::filesystem::path& path, int code, int system_errno, const char* message) {
  const std::string shown = path.string();
  const std::string reason = system_errno != 0 ? std::strerror(system_errno) : message;
  switch (code & 0xff) {
    case SQLITE_FULL: return disk_full(path);
    case SQLITE_IOERR:
      if (is_full(system_errno)) return disk_full(path);
      return {ErrorKind::io, fmt::format("cannot read or write {}: {}", shown, reason),
              "check the disk, or give another file with --db"};
    case SQLITE_CANTOPEN:
      if (is_full(system_errno)) return disk_full(path);
      return {ErrorKind::io, fmt::format("cannot open {}: {}", shown, reason),
              "check that the file and its folder can be read and written, or give another file with --db"};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {ErrorKind::io, fmt::format("{} is read-only", shown),
              "make it and its folder writable, or give another file with --db"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorKind::io, fmt::format("{} is locked by another program for over {} s", shown, kBusyTimeoutMs / 1000),
              "end that program or wait for it, then run again"};
    case SQLITE_CORRUPT:
      return {ErrorKind::bad_input, fmt::format("{} is damaged or truncated", shown),
              "restore it from a copy, or move it away to begin an empty one"};
    case SQLITE_NOTADB:
      return {ErrorKind::bad_input, fmt::format("{} is not a tuning database", shown), "give another file with --db"};
    case SQLITE_NOMEM: return {ErrorKind::io, fmt::format("not enough memory to use {}", shown), "free some memory"};
    default:
      return {ErrorKind::internal, fmt::format("unexpected answer from {}: {}", shown, message),
              "if another program changed this database, move it away; else please report this"};
  }
}

}  // namespace

void Statement::bind(int index, std::int64_t value) {
  if (bind_status_ == SQLITE_OK) bind_status_ = sqlite3_bind_int64(handle_.get(), index, value);
}

void Statement::bind(int index, double value) {
  if (bind_status_ == SQLITE_OK) bind_status_ = sqlite3_bind_double(handle_.get(), index, value);
}

void Statement::bind(int index, std::string_view value) {
  // A null data pointer would bind NULL where an empty text is meant.
  const char* data = value.data() == nullptr ? "" : value.data();
  if (bind_status_ == SQLITE_OK) {
    bind_status_ = sqlite3_bind_text64(handle_.get(), index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
}

void Statement::bind(int index, std::nullopt_t) {
  if (bind_status_ == SQLITE_OK) bind_status_ = sqlite3_bind_null(handle_.get(), index);
}

Expected<bool> Statement::step() {
  if (bind_status_ != SQLITE_OK) return tl::unexpected(connection_->error());
  switch (sqlite3_step(handle_.get())) {
    case SQLITE_ROW: return true;
    case SQLITE_DONE: return false;
    default: return tl::unexpected(connection_->error());
  }
}

Status Statement::run() {
  NNTUNE_ASSIGN([[maybe_unused]] const bool row, step());
  return {};
}

double Statement::real(int column) const {
  return is_null(column) ? std::numeric_limits<double>::quiet_NaN() : sqlite3_column_double(handle_.get(), column);
}

std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
  return data == nullptr ? std::string()
                         : std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column)));
}

std::optional<double> Statement::optional_real(int column) const {
  return is_null(column) ? std::nullopt : std::optional(sqlite3_column_double(handle_.get(), column));
}

Expected<std::unique_ptr<Connection>> Connection::open(const std::string& name, int flags,
                                                       const std::filesystem::path& shown) {
  std::unique_ptr<Connection> connection(new Connection(shown));
  sqlite3* handle = nullptr;
  const int status = sqlite3_open_v2(name.c_str(), &handle, flags | SQLITE_OPEN_FULLMUTEX, nullptr);
  connection->handle_.reset(handle);
  if (handle == nullptr) return tl::unexpected(describe(shown, SQLITE_NOMEM, 0, ""));
  if (status != SQLITE_OK) return tl::unexpected(connection->error());
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  // Plain SQL cannot corrupt the file, not even by mistake (no writable_schema, no journal_mode=OFF).
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  return connection;
}

Expected<Statement> Connection::prepare_only(std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  if (sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()), &handle, nullptr) != SQLITE_OK) {
    return tl::unexpected(error());
  }
  return Statement(*this, handle);
}

Status Connection::execute(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return tl::unexpected(error());
  return {};
}

Expected<std::int64_t> Connection::integer(std::string_view sql) {
  NNTUNE_ASSIGN(Statement statement, prepare(sql));
  NNTUNE_ASSIGN(const bool row, statement.step());
  return row ? statement.integer(0) : 0;
}

Error Connection::error() const {
  const int code = sqlite3_extended_errcode(handle_.get());
  // SQLite keeps the errno of the last failed system call, also of one it recovered from: only these codes speak of it.
  const int primary = code & 0xff;
  int system_errno = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN ? sqlite3_system_errno(handle_.get()) : 0;
  if (primary == SQLITE_IOERR && system_errno == 0) system_errno = file_errno(handle_.get());
  return describe(path_, code, system_errno, sqlite3_errmsg(handle_.get()));
}

Expected<Transaction> Transaction::begin(Connection& connection) {
  NNTUNE_TRY(connection.execute("BEGIN IMMEDIATE"));
  return Transaction(connection);
}

Expected<Transaction> Transaction::begin_reading(Connection& connection) {
  NNTUNE_TRY(connection.execute("BEGIN"));
  return Transaction(connection);
}

Transaction::~Transaction() {
  // A full disk or an I/O error may have rolled back already.
  if (connection_ != nullptr && connection_->in_transaction()) (void)connection_->execute("ROLLBACK");
}

Status Transaction::commit() {
  NNTUNE_TRY(connection_->execute("COMMIT"));
  connection_ = nullptr;
  return {};
}

}  // namespace nntune::db::sqlite
