#include "base/target.h"
#include "base/json.h"
#include "db/database.h"
#include "db/query.h"
#include "tests/support/paths.h"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <filesystem>
#include <string>

namespace nntune {
namespace {

namespace fs = std::filesystem;

struct Output {
  std::string text;
  int exit_code = -1;
};

Output run(const std::string& arguments) {
  Output output;
  std::FILE* pipe = popen((test_support::nntune_binary() + " " + arguments).c_str(), "r");
  if (pipe == nullptr) return output;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output.text += static_cast<char>(c);
  output.exit_code = WEXITSTATUS(pclose(pipe));
  return output;
}

class TargetCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) / ("nntune-target-" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path folder_;
};

TEST_F(TargetCommand, PrintsWhatItStores) {
  const std::string db = (folder_ / "new" / "tuning.db").string();
  const Output json = run("target --json --db " + db + " 2>/dev/null");
  ASSERT_EQ(json.exit_code, 0);
  const auto parsed = parse_json(json.text, "stdout");
  ASSERT_TRUE(parsed) << parsed.error().message();
  const auto target = Target::from_json(*parsed);
  ASSERT_TRUE(target) << target.error().message();
  EXPECT_TRUE(target->measured);
  ASSERT_TRUE(parsed->contains("other_load_cores"));
  EXPECT_GE(target->other_load_cores, 0);

  const Output text = run("target --db " + db + " 2>/dev/null");
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_NE(text.text.find(target->short_name), std::string::npos);

  const auto database = db::Database::open(db, db::Mode::read_only);
  ASSERT_TRUE(database) << database.error().message();
  const auto stored = db::targets(*database);
  ASSERT_TRUE(stored) << stored.error().message();
  ASSERT_GE(stored->size(), 1U);
  EXPECT_EQ(stored->front().target.to_json(), target->to_json());
}

TEST_F(TargetCommand, RefusesADatabaseItCannotWriteBeforeMeasuring) {
  const Output output = run("target --db /proc/nntune.db 2>&1");
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_EQ(output.text.find('\n'), output.text.size() - 1) << output.text;
  EXPECT_EQ(output.text.find("GMAC"), std::string::npos);
}

TEST_F(TargetCommand, WrongOptionsAreWrongUsage) {
  EXPECT_EQ(run("target --fast 2>/dev/null").exit_code, 2);
  EXPECT_EQ(run("target everything 2>/dev/null").exit_code, 2);
}

}  // namespace
}  // namespace nntune
