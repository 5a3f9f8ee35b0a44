#include "compiler/module/build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/import/builtin.h"

namespace nntune::module {
namespace {

TEST(DiskSpace, WhatDoesNotFitIsSaidInOneLine) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "large.nnm";
  EXPECT_TRUE(check_disk_space(path, 1));
  const Status status = check_disk_space(path, 1e18);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::io);
  EXPECT_THAT(status.error().message(), testing::MatchesRegex(".*/large.nnm takes .*, and its disk has .* free; free some "
                                                              "space or choose another folder"));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(DiskSpace, AFolderThatIsNotThereIsLeftToTheWriter) { EXPECT_TRUE(check_disk_space("/nonexistent/m.nnm", 1e18)); }

TEST(DiskSpace, AModuleHoldsEachWeightOnce) {
  const import::ModelConfig config = *import::find_builtin("llama-3.2-1b");
  EXPECT_EQ(least_module_bytes(config, graph::DType::bf16), 2.0 * 1'235'814'400);
  EXPECT_EQ(least_module_bytes(config, graph::DType::f32), 4.0 * 1'235'814'400);
}

}  // namespace
}  // namespace nntune::module
