#include "compiler/runtime/huge_pages.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "compiler/runtime/module_file.h"

namespace nntune::runtime {
namespace {

constexpr std::size_t kBytes = 40 * kHugePageBytes + 12345;

class HugePagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("nntune-huge-" + std::to_string(getpid()));
    content_.resize(kBytes);
    for (std::size_t i = 0; i < kBytes; ++i) content_[i] = static_cast<char>((i * 2654435761U) >> 24U);
    std::ofstream(path_, std::ios::binary).write(content_.data(), static_cast<std::streamsize>(kBytes));
    auto file = MappedFile::open(path_, kHugePageBytes);
    ASSERT_TRUE(file) << file.error().message();
    file_ = std::make_unique<MappedFile>(std::move(*file));
  }
  void TearDown() override { std::filesystem::remove(path_); }
  [[nodiscard]] bool same() const { return std::memcmp(file_->bytes().data(), content_.data(), kBytes) == 0; }

  std::filesystem::path path_;
  std::vector<char> content_;
  std::unique_ptr<MappedFile> file_;
};

TEST_F(HugePagesTest, AlignedMappingsBeginAtAMultiple) {
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file_->bytes().data()) % kHugePageBytes, 0U);
  EXPECT_EQ(file_->bytes().size(), kBytes);
}

TEST_F(HugePagesTest, WhoReadsMeanwhileSeesTheSameBytes) {
  std::atomic<bool> stop = false;
  std::atomic<int> passes = 0;
  std::thread reader([&] {
    while (!stop) {
      EXPECT_TRUE(same());
      ++passes;
    }
  });
  HugePages pages(file_->bytes());
  pages.start();
  pages.finish();
  while (passes == 0) std::this_thread::yield();
  stop = true;
  reader.join();
  EXPECT_TRUE(same());
  if (pages.moved_bytes() == 0) GTEST_SKIP() << "this system grants no huge pages";
  EXPECT_EQ(pages.moved_bytes(), 40 * kHugePageBytes) << "all whole ones";
}

TEST_F(HugePagesTest, StoppingHalfWayLeavesTheBytesAsTheyAre) {
  {
    HugePages pages(file_->bytes());
    pages.start();
  }
  EXPECT_TRUE(same());
}

TEST_F(HugePagesTest, WhatIsNotAlignedStays) {
  HugePages pages(file_->bytes().subspan(4096));
  pages.finish();
  EXPECT_EQ(pages.moved_bytes(), 0U);
}

}  // namespace
}  // namespace nntune::runtime
