/// Runs the real binary for end-to-end tests.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/paths.h"
#include "tests/support/shared_data.h"

namespace nntune::e2e {

struct Result {
  int exit_code = -1;  ///< 128 + signal if it was killed
  std::string out;
  std::string err;
};

/// A folder that is removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "nntune-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline std::string read_all(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

inline void write_all(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

/// Runs `nntune ARGUMENTS` (a shell line); `prefix` comes before it, e.g. "ulimit -f 8;", and standard input is the file `input`.
inline Result run_nntune(const std::string& arguments, const std::string& prefix = "",
                         const std::string& input = "/dev/null") {
  const TemporaryFolder folder;
  const std::string command = prefix + " exec " + test_support::nntune_binary() + " " + arguments + " <" + input + " >" +
                              (folder / "out").string() + " 2>" + (folder / "err").string();
  const int status = std::system(command.c_str());
  Result result;
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = read_all(folder / "out");
  result.err = read_all(folder / "err");
  return result;
}

/// Path of a database without rows: for a command that only reads, a file given with --db must be there.
inline std::string empty_database(const TemporaryFolder& folder) {
  const std::filesystem::path path = folder / "empty.db";
  write_all(path, "");
  return path.string();
}

/// Defines the path of a model of ../shared, which the test needs.
#define NNTUNE_NEED_SHARED(variable, name)                                                             \
  const std::string variable = (::nntune::test_support::shared_folder() / "models" / (name)).string(); \
  NNTUNE_NEED_DATA(variable)

}  // namespace nntune::e2e
