// `nntune db`: its output, its exit codes, and files it must refuse.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>

#include "base/json.h"
#include "db/migrations.h"
#include "tests/db/support.h"
#include "tests/support/paths.h"

namespace nntune::db {
namespace {

using namespace test;

struct Output {
  std::string text;
  int exit_code = -1;
};

/// Runs `nntune ARGUMENTS`, stdout and stderr together.
Output run(const std::string& arguments, const std::string& environment = "") {
  Output output;
  std::FILE* pipe =
      ::popen(("(" + environment + " " + test_support::nntune_binary() + " " + arguments + ") 2>&1").c_str(), "r");
  if (pipe == nullptr) return output;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output.text += static_cast<char>(c);
  output.exit_code = WEXITSTATUS(::pclose(pipe));
  return output;
}

TEST(DbCommand, StatsTellWhatIsThere) {
  const Folder folder;
  const std::string path = (folder / "tuning.db").string();
  {
    Database database = open(path);
    const std::int64_t target = add_target(database);
    ASSERT_TRUE(database.insert_measurement(measurement(target, 1)));
    ASSERT_TRUE(database.insert_measurement(failed(target, 2, Verdict::timeout)));
  }
  const Output page = run("db stats --db " + path);
  EXPECT_EQ(page.exit_code, 0);
  EXPECT_NE(page.text.find("2 measurements, 1 workload"), std::string::npos) << page.text;
  const Output output = run("db stats --json --db " + path);
  EXPECT_EQ(output.exit_code, 0);
  const auto json = parse_json(output.text, "stdout");
  ASSERT_TRUE(json) << output.text;
  EXPECT_EQ((*json)["verdicts"]["timeout"], 1);
  EXPECT_EQ((*json)["path"], path);
}

TEST(DbCommand, MissingDefaultDatabaseIsEmptyAndNotCreated) {
  const Folder folder;
  const Output output = run("db stats", "XDG_DATA_HOME=" + folder.path().string());
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_EQ(output.text.rfind((folder / "nntune" / "tuning.db").string(), 0), 0U) << output.text;
  EXPECT_EQ(folder.files(), 0U);
}

TEST(DbCommand, MigrateBringsAnOldFileToThisSchema) {
  const Folder folder;
  const fs::path path = folder / "tuning.db";
  {
    auto old = sqlite::Connection::open(path.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, path);
    ASSERT_TRUE(migrate(**old, migrations().first(1)));
  }
  const std::string command = "db migrate --db " + path.string();
  const std::string now = std::to_string(schema_version());
  EXPECT_EQ(run("db stats --db " + path.string()).exit_code, 1);
  EXPECT_EQ(run(command).text, path.string() + ": schema 1 is now " + now + "\n");
  EXPECT_EQ(run(command).text, path.string() + " has schema " + now + " already\n");
  const auto json = parse_json(run(command + " --json").text, "stdout");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["schema_before"], (*json)["schema"]);
  EXPECT_EQ(run("db stats --db " + path.string()).exit_code, 0);
}

TEST(DbCommand, WrongUsageEndsWithTwo) {
  for (const char* arguments : {"db", "db drop", "db stats more", "db stats --fast", "db stats --db ''"}) {
    const Output output = run(arguments);
    EXPECT_EQ(output.exit_code, 2) << arguments << ": " << output.text;
    EXPECT_EQ(std::count(output.text.begin(), output.text.end(), '\n'), 1) << output.text;
  }
}

TEST(DbCommand, BadFilesEndWithOneAndOneLine) {
  const Folder folder;
  write(folder / "garbage", "not a database at all");
  {
    Database database = open(folder / "newer");
    ASSERT_TRUE(database.connection().execute("PRAGMA user_version = 99"));
  }
  open(folder / "truncated");
  fs::resize_file(folder / "truncated", fs::file_size(folder / "truncated") / 2);
  for (const std::string action : {"stats", "migrate"}) {
    for (const char* name : {"garbage", "newer", "truncated", ".", "missing"}) {
      const Output output = run("db " + action + " --db " + (folder / name).string());
      EXPECT_EQ(output.exit_code, 1) << name;
      EXPECT_EQ(std::count(output.text.begin(), output.text.end(), '\n'), 1) << output.text;
      EXPECT_NE(output.text.find("; "), std::string::npos) << "says what to do: " << output.text;
    }
  }
  EXPECT_FALSE(fs::exists(folder / "missing"));
  EXPECT_EQ(content(folder / "garbage"), "not a database at all");
}

TEST(DbCommand, FullOutputDiskIsAFailure) {
  const std::string nowhere = "XDG_DATA_HOME=/nowhere";
  const Output output = run("db stats > /dev/full", nowhere);
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_EQ(output.text, "nntune: cannot write the output; check the disk that stdout goes to\n");
  EXPECT_EQ(run("db stats > /dev/full 2>&1", nowhere).exit_code, 1) << "stderr is full, too";
}

}  // namespace
}  // namespace nntune::db
