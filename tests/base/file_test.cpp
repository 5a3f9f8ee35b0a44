#include "base/file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace nntune {
namespace {

namespace fs = std::filesystem;

TEST(File, WhetherItCanBeWrittenIsFoundOutWithoutATrace) {
  const fs::path folder = fs::path(::testing::TempDir()) / ("nntune-file-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  EXPECT_TRUE(check_writable(folder / "new"));
  EXPECT_TRUE(fs::is_empty(folder));
  ASSERT_TRUE(write_file_atomically(folder / "old", "text"));
  EXPECT_TRUE(check_writable(folder / "old"));
  EXPECT_EQ(read_file(folder / "old").value(), "text");
  for (const fs::path& bad : {folder, folder / "none" / "new", folder / "old" / "new"}) {
    const Status status = check_writable(bad);
    ASSERT_FALSE(status) << bad;
    EXPECT_EQ(status.error().kind, ErrorKind::io);
    EXPECT_NE(status.error().what.find(bad.string()), std::string::npos) << status.error().what;
  }
  fs::remove_all(folder);
}

}  // namespace
}  // namespace nntune
