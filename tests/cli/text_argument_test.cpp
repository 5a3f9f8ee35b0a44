#include "cli/text_argument.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace nntune::cli {
namespace {

using ::testing::HasSubstr;

class TextArgument : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  /// "@FILE" of a file with this content.
  std::string in_file(const std::string& content) {
    std::ofstream(path_, std::ios::binary) << content;
    return "@" + path_.string();
  }
  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("nntune-text-argument-" + std::to_string(::getpid()));
};

TEST_F(TextArgument, IsItselfOrWhatAFileHoldsByteForByte) {
  EXPECT_EQ(read_text_argument("a text"), "a text");
  EXPECT_EQ(read_text_argument(""), "");
  EXPECT_EQ(read_text_argument("me@home"), "me@home");
  std::string content = "first line\nsecond \xff line\r\n";
  content += '\0';
  content += std::string(200'000, 'x');
  EXPECT_EQ(read_text_argument(in_file(content)), content);
  EXPECT_EQ(read_text_argument(in_file("")), "");
}

TEST_F(TextArgument, WhatCannotBeReadIsOneLine) {
  const auto missing = read_text_argument("@no such file");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().what, "cannot open no such file: No such file or directory");
  EXPECT_THAT(missing.error().hint, HasSubstr("with -"));
  const auto folder = read_text_argument("@/");
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().what, "cannot read /: Is a directory");
  const auto endless = read_text_argument("@/dev/zero", 1 << 20);
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().what, "/dev/zero has more than 1048576 bytes");
}

}  // namespace
}  // namespace nntune::cli
