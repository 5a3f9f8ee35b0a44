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

/// Runs `nntune ARGUMENTS` (a shell line) without standard input; `prefix` comes before it, e.g. "ulimit -f 8;".
inline Result run_nntune(const std::string& arguments, const std::string& prefix = "") {
  const TemporaryFolder folder;
  const std::string command = prefix + " exec " NNTUNE_BINARY " " + arguments + " </dev/null >" + (folder / "out").string() +
                              " 2>" + (folder / "err").string();
  const int status = std::system(command.c_str());
  Result result;
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = read_all(folder / "out");
  result.err = read_all(folder / "err");
  return result;
}

/// Path of a shared model folder, or "" after skipping (failing under CI=true) where it is missing.
inline std::string shared_model(const std::string& name) {
  const std::string path = std::string(NNTUNE_SHARED_DIR) + "/models/" + name;
  if (std::filesystem::exists(path)) return path;
  const char* ci = std::getenv("CI");
  if (ci != nullptr && std::string(ci) == "true") ADD_FAILURE() << path << " is missing";
  return "";
}

#define NNTUNE_NEED_SHARED(variable, name)                        \
  const std::string variable = ::nntune::e2e::shared_model(name); \
  if (variable.empty()) GTEST_SKIP() << "the shared models are missing"

}  // namespace nntune::e2e
