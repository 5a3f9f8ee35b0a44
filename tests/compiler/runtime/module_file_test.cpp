#include "compiler/runtime/module_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <random>

#include "tests/compiler/runtime/tiny_module.h"

namespace nntune::runtime {
namespace {

class ModuleFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              fmt_name(::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::string fmt_name(const char* test) { return std::string("nntune_module_") + test + std::to_string(::getpid()); }

  [[nodiscard]] static Status write(const std::filesystem::path& path) { return testing::write_tiny_module(path); }
  [[nodiscard]] static std::string content(const std::filesystem::path& path) { return read_file(path).value(); }
  static void put(const std::filesystem::path& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) result.push_back(entry.path().filename());
    return result;
  }

  std::filesystem::path folder_;
};

TEST_F(ModuleFileTest, RunsAfterWritingAndReading) {
  const auto path = folder_ / "m.nnm";
  ASSERT_TRUE(write(path));
  const auto module = Module::open(path, 2);
  ASSERT_TRUE(module) << module.error().message();
  EXPECT_EQ((*module)->tokenizer(), "{}");
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>((*module)->weights().data()) % kPageBytes, 0U);
  EXPECT_EQ(names(), std::vector<std::string>{"m.nnm"});
}

TEST_F(ModuleFileTest, TheSameModuleIsTheSameBytes) {
  ASSERT_TRUE(write(folder_ / "a"));
  ASSERT_TRUE(write(folder_ / "b"));
  EXPECT_EQ(content(folder_ / "a"), content(folder_ / "b"));
}

void expect_one_clear_line(const std::filesystem::path& path, const std::string& what) {
  const auto module = Module::open(path, 1);
  ASSERT_FALSE(module) << what;
  const std::string message = module.error().message();
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_NE(message.find(path.string()), std::string::npos) << message;
  EXPECT_FALSE(module.error().hint.empty()) << message;
}

TEST_F(ModuleFileTest, EveryTruncationIsAnError) {
  const auto path = folder_ / "m.nnm";
  ASSERT_TRUE(write(path));
  const std::string whole = content(path);
  std::vector<std::size_t> lengths = {0, 1, 7, 8, 9, 39, 4095, 4096, 4097, whole.size() - 1};
  std::mt19937_64 rng(1);
  for (int i = 0; i < 20; ++i) lengths.push_back(rng() % whole.size());
  for (const std::size_t length : lengths) {
    std::filesystem::resize_file(path, length);
    expect_one_clear_line(path, "truncated to " + std::to_string(length));
    put(path, whole);
  }
}

TEST_F(ModuleFileTest, EveryFlippedBitIsAnError) {
  const auto path = folder_ / "m.nnm";
  ASSERT_TRUE(write(path));
  std::string bytes = content(path);
  // All of the header, some of the rest, the whole table of checksums' page start, and the weights.
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at < 300; ++at) places.push_back(at);
  std::mt19937_64 rng(2);
  for (int i = 0; i < 100; ++i) places.push_back(300 + rng() % (bytes.size() - 300));
  for (int i = 0; i < 20; ++i) places.push_back(4096 + rng() % 16384);
  for (std::size_t at = bytes.size() - testing::kWeightBytes; at < bytes.size(); at += 37) places.push_back(at);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  for (const std::size_t at : places) {
    const char flipped = static_cast<char>(bytes[at] ^ (1 << rng() % 8));
    file.seekp(static_cast<std::streamoff>(at)).put(flipped).flush();
    expect_one_clear_line(path, "bit flipped at " + std::to_string(at));
    file.seekp(static_cast<std::streamoff>(at)).put(bytes[at]).flush();
  }
  EXPECT_TRUE(Module::open(path, 1)) << "the file was restored";
}

TEST_F(ModuleFileTest, OtherFilesAreNoModules) {
  put(folder_ / "text", "hello");
  expect_one_clear_line(folder_ / "text", "text");
  put(folder_ / "long", std::string(100000, 'x'));
  expect_one_clear_line(folder_ / "long", "long");
  expect_one_clear_line(folder_ / "missing", "missing");
  expect_one_clear_line(folder_, "folder");
}

TEST_F(ModuleFileTest, AFailedPackLeavesNothingBehind) {
  put(folder_ / "m.nnm", "old");
  const auto status = write_module_file(
      folder_ / "m.nnm", {"{}", {}, "", {}}, 4096,
      [](std::span<std::byte>) -> Status { return fail(ErrorKind::bad_input, "NaN"); }, 1);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().what, "NaN");
  EXPECT_EQ(names(), std::vector<std::string>{"m.nnm"});
  EXPECT_EQ(content(folder_ / "m.nnm"), "old");
}

TEST_F(ModuleFileTest, NoSpaceIsAClearErrorAndLeavesNothing) {
  // A limit on the file size fails as a full disk does, before anything is packed.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 1 << 20;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto status = write(folder_ / "m.nnm");
  ::setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::io);
  EXPECT_EQ(status.error().hint, "free some space or choose another folder");
  EXPECT_TRUE(names().empty());
}

TEST_F(ModuleFileTest, UnwritablePlacesAreClearErrors) {
  EXPECT_FALSE(write(folder_ / "no" / "such" / "folder.nnm"));
  const auto device = write("/dev/null");
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().what, "/dev/null is not a regular file");
}

}  // namespace
}  // namespace nntune::runtime
