#include "cli/npy.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "base/file.h"

namespace nntune::cli {
namespace {

class NpyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / ("nntune_npy_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] bool empty() const { return std::filesystem::is_empty(folder_); }
  std::filesystem::path folder_;
};

TEST_F(NpyTest, HeaderIsThatOfFormatOne) {
  const std::string header = npy_header(6, 2072);
  ASSERT_EQ(header.size(), 128U);
  EXPECT_EQ(header.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  EXPECT_EQ(header[8], 118);
  EXPECT_EQ(header[9], 0);
  EXPECT_EQ(header.substr(10, 62), "{'descr': '<f4', 'fortran_order': False, 'shape': (6, 2072), }");
  EXPECT_EQ(header.back(), '\n');
}

TEST_F(NpyTest, RowsAreCountedAsTheyCome) {
  auto writer = NpyWriter::create(folder_ / "x.npy", 3);
  ASSERT_TRUE(writer) << writer.error().message();
  ASSERT_TRUE(writer->append(std::vector<float>{1, 2, 3}));
  ASSERT_TRUE(writer->append(std::vector<float>{4, 5, 6}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x.npy"));
  ASSERT_TRUE(writer->finish());
  const std::string bytes = read_file(folder_ / "x.npy").value();
  ASSERT_EQ(bytes.size(), 128U + 24);
  EXPECT_EQ(bytes.substr(0, 128), npy_header(2, 3));
  std::vector<float> values(6);
  std::memcpy(values.data(), bytes.data() + 128, 24);
  EXPECT_EQ(values, (std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST_F(NpyTest, WithoutFinishNothingStays) {
  {
    auto writer = NpyWriter::create(folder_ / "x.npy", 3);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->append(std::vector<float>{1, 2, 3}));
  }
  EXPECT_TRUE(empty());
}

TEST_F(NpyTest, PlacesThatCannotBeWrittenAreErrors) {
  EXPECT_FALSE(NpyWriter::create(folder_ / "no" / "x.npy", 3));
  EXPECT_FALSE(NpyWriter::create("/dev/null", 3));
}

}  // namespace
}  // namespace nntune::cli
