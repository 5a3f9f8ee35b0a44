/// SQLite's file layer with faults: while an object lives, every database opened goes through it.
///
/// It fails the n-th write, sync or truncation (once, or from then on, as a full disk does), and knows for each file what
/// would be left after a power cut: what was synced, and nothing else. Nothing is really synced, which makes it fast.
#pragma once

#include <sqlite3.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>

namespace nntune::db::test {

class FaultyVfs {
 public:
  FaultyVfs();
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  /// Content of each file by name.
  using Image = std::map<std::string, std::string>;

  int fail_at = 0;                    ///< the operation to fail, counted from 1; 0: none
  bool fail_on = false;               ///< and all after it
  int code = SQLITE_FULL;             ///< what the failing operation returns
  int operations = 0;                 ///< writes, syncs and truncations so far
  std::function<void()> before = {};  ///< called before each of them

  [[nodiscard]] bool fired() const { return fail_at > 0 && operations >= fail_at; }
  /// What a power cut leaves now.
  [[nodiscard]] const Image& durable() const { return durable_; }

  /// SQLITE_OK, or the fault for the operation that begins now.
  int next_operation();
  void synced(const std::string& path);
  void deleted(const std::string& path) { durable_.erase(path); }

 private:
  sqlite3_vfs vfs_{};
  Image durable_;
};

}  // namespace nntune::db::test
