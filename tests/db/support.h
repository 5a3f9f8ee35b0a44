/// Databases, rows and child processes for the tests of db/.
#pragma once

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "db/database.h"
#include "db/query.h"

namespace nntune::db::test {

namespace fs = std::filesystem;

/// A folder of its own for each test, gone at its end.
class Folder {
 public:
  Folder() {
    // In memory where that is possible: the tests sync a few thousand times.
    const fs::path parent = ::access("/dev/shm", W_OK | X_OK) == 0 ? fs::path("/dev/shm") : fs::temp_directory_path();
    std::string name = (parent / "nntune-db-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
    fs::permissions(path_, fs::perms::all);  // for the tests that run as another user
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] fs::path operator/(const char* name) const { return path_ / name; }
  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  fs::path path_;
};

inline std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
}

inline Database open(const fs::path& path, Mode mode = Mode::read_write) {
  auto database = Database::open(path, mode);
  if (!database) throw std::runtime_error(database.error().message());
  return std::move(*database);
}

/// A target row without its probing; several processes may ask for the same.
inline std::int64_t add_target(const Database& database, const std::string& name = "test-avx2-2c") {
  auto& connection = database.connection();
  const auto check = [](const Status& status) {
    if (!status) throw std::runtime_error(status.error().message());
  };
  check(connection
            .prepare("INSERT INTO target (uid, short_name, json, latest_json, first_seen, last_seen)"
                     " VALUES (?1, ?1, '{}', '{}', '2025-01-01', '2025-01-01') ON CONFLICT DO NOTHING",
                     name)
            ->run());
  auto find = connection.prepare("SELECT id FROM target WHERE uid = ?", name);
  if (!find->step().value_or(false)) throw std::runtime_error("no target");
  return find->integer(0);
}

inline Measurement measurement(std::int64_t target_id, int knob, std::vector<double> samples_ns = {1000, 1200, 1100}) {
  Measurement m;
  m.target_id = target_id;
  m.workload = "matmul(f32[1,1024],bf16[1024,1024])->f32[1,1024] past=0 t=2";
  m.family = "matmul";
  m.schedule = "{\"mr\":" + std::to_string(knob) + "}";
  m.object_hash = hash128("code " + std::to_string(knob));
  m.compiler = "llvm 19.1.7";
  m.nntune_version = "0.1.0";
  m.threads = 2;
  m.samples_ns = std::move(samples_ns);
  m.max_error = 1e-6;
  m.tolerance = 1e-3;
  m.dram_read_bytes_per_s = 2e10;
  m.seed = 7;
  return m;
}

inline Measurement failed(std::int64_t target_id, int knob, Verdict verdict) {
  Measurement m = measurement(target_id, knob, {});
  m.verdict = verdict;
  if (verdict == Verdict::compile_error) m.object_hash.reset();
  m.detail = "for the test";
  return m;
}

/// Runs `body` in a child process (as the user nobody if asked to and we are root, whom permissions do not bind) and returns
/// the text it returns.
inline std::string in_child(bool as_nobody, const std::function<std::string()>& body) {
  int ends[2];
  if (::pipe(ends) != 0) return "pipe failed";
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    std::string text;
    if (as_nobody && ::geteuid() == 0 &&
        (::setgroups(0, nullptr) != 0 || ::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0)) {
      text = "cannot become nobody";
    } else {
      try {
        text = body();
      } catch (const std::exception& e) {
        text = std::string("exception: ") + e.what();
      }
    }
    const ssize_t written = ::write(ends[1], text.data(), text.size());
    ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[512];
  for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? text : "child died: " + text;
}

template <class T>
std::string message(const Expected<T>& result) {
  return result ? "no error" : result.error().message();
}

}  // namespace nntune::db::test
