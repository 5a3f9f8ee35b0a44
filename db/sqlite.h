/// SQLite's C API with lifetimes and errors as values. Only this folder includes it.
///
/// Every failure becomes one line that names the file and says what to do: a full disk, a lock that is never released, a
/// read-only file and a damaged page are told apart here, once, and nowhere else.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace nntune::db::sqlite {

class Connection;

/// A prepared statement. Parameters are bound in order from 1, columns are read from 0, as in SQLite.
class Statement {
 public:
  void bind(int index, std::int64_t value);
  void bind(int index, int value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, double value);  ///< NaN is stored as NULL
  void bind(int index, std::string_view value);
  void bind(int index, const std::string& value) { bind(index, std::string_view(value)); }
  void bind(int index, const char* value) { bind(index, std::string_view(value)); }
  void bind(int index, std::nullopt_t);
  template <class T>
  void bind(int index, const std::optional<T>& value) {
    value ? bind(index, *value) : bind(index, std::nullopt);
  }

  /// True: there is a row to read; false: done. A failed bind is reported here.
  [[nodiscard]] Expected<bool> step();
  /// Runs a statement that returns no rows.
  [[nodiscard]] Status run();

  [[nodiscard]] bool is_null(int column) const { return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL; }
  [[nodiscard]] std::int64_t integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  [[nodiscard]] double real(int column) const;  ///< NaN for NULL
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::optional<double> optional_real(int column) const;

 private:
  friend class Connection;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  Statement(Connection& connection, sqlite3_stmt* handle) : connection_(&connection), handle_(handle) {}
  Connection* connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
  int bind_status_ = SQLITE_OK;
};

/// An open database file. Calls from several threads are safe (SQLite's serialized mode); hold a `Lock` over what must not
/// be interleaved. A connection must not be used in a child after fork().
class Connection {
 public:
  /// \param name   what SQLite opens: an absolute path, a file: URI or ":memory:"
  /// \param flags  SQLITE_OPEN_READONLY, or SQLITE_OPEN_READWRITE with or without SQLITE_OPEN_CREATE
  /// \param shown  the path that messages name
  [[nodiscard]] static Expected<std::unique_ptr<Connection>> open(const std::string& name, int flags,
                                                                  const std::filesystem::path& shown);

  template <class... Values>
  [[nodiscard]] Expected<Statement> prepare(std::string_view sql, const Values&... values) {
    NNTUNE_ASSIGN(Statement statement, prepare_only(sql));
    int index = 0;
    (statement.bind(++index, values), ...);
    return statement;
  }
  /// Runs one or several statements without parameters.
  [[nodiscard]] Status execute(const std::string& sql);
  /// The first column of the first row; 0 if there is none.
  [[nodiscard]] Expected<std::int64_t> integer(std::string_view sql);

  [[nodiscard]] std::int64_t last_insert_id() const { return sqlite3_last_insert_rowid(handle_.get()); }
  [[nodiscard]] int changes() const { return sqlite3_changes(handle_.get()); }
  [[nodiscard]] bool read_only() const { return sqlite3_db_readonly(handle_.get(), "main") == 1; }
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// SQLite's code of the last failure, e.g. SQLITE_BUSY, without its extension bits.
  [[nodiscard]] int last_code() const { return sqlite3_errcode(handle_.get()) & 0xff; }
  /// The last failure as one line.
  [[nodiscard]] Error error() const;

 private:
  friend class Lock;
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  explicit Connection(std::filesystem::path path) : path_(std::move(path)) {}
  [[nodiscard]] Expected<Statement> prepare_only(std::string_view sql);
  std::filesystem::path path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

/// Keeps other threads off the connection; recursive.
class Lock {
 public:
  explicit Lock(Connection& connection) : mutex_(sqlite3_db_mutex(connection.handle_.get())) { sqlite3_mutex_enter(mutex_); }
  ~Lock() { sqlite3_mutex_leave(mutex_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  sqlite3_mutex* mutex_;
};

/// A write transaction that waits for other writers at its beginning, so that it cannot fail half-way for a lock.
/// Rolled back unless committed.
class Transaction {
 public:
  /// Several reads that see the same rows, whatever others write meanwhile.
  [[nodiscard]] static Expected<Transaction> begin_reading(Connection& connection);
  [[nodiscard]] static Expected<Transaction> begin(Connection& connection);
  Transaction(Transaction&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
  Transaction& operator=(Transaction&& other) noexcept {
    std::swap(connection_, other.connection_);
    return *this;
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  /// On success the data has reached the disk.
  [[nodiscard]] Status commit();

 private:
  explicit Transaction(Connection& connection) : connection_(&connection) {}
  Connection* connection_;
};

}  // namespace nntune::db::sqlite
