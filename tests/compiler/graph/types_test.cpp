#include "compiler/graph/types.h"

#include <gtest/gtest.h>

#include <set>

namespace nntune::graph {
namespace {

TEST(TensorType, TextRoundTrips) {
  for (const char* text : {"f32[1]", "i32[7]", "bf16[6144,1024]<0:32,1:2>", "bf16[8,?,128]", "f32[5,7]<0:4,1:2,0:2>",
                           "i8/32[64,96]", "i8/32[64,96]<0:16,1:4>"}) {
    const auto type = TensorType::parse(text);
    ASSERT_TRUE(type) << text << ": " << type.error().message();
    EXPECT_EQ(type->text(), text);
  }
}

TEST(TensorType, MalformedTextIsRefused) {
  for (const char* text : {"",
                           "f32",
                           "f32[",
                           "f32]",
                           "f64[1]",
                           "f32[]",
                           "f32[0]",
                           "f32[-1]",
                           "f32[1,]",
                           "f32[1]<",
                           "f32[1]<>",
                           "f32[1]<0:0>",
                           "f32[1]<1:4>",
                           "f32[1]x",
                           "f32[1,2]<0:4",
                           "f32[99999999999,99999999999]",
                           "i8/[1,4]",
                           "i8/0[1,4]",
                           "i8/-4[1,4]",
                           "i8/4",
                           "i8/3[2,4]",
                           "i8/4[?,?]",
                           "i8/4[4]",
                           "i8/4[2,2,4]",
                           "bf16/4[2,4]"}) {
    EXPECT_FALSE(TensorType::parse(text)) << text;
  }
}

TEST(TensorType, PackedStorageIsOuterTilesThenLanes) {
  const TensorType type = *TensorType::parse("bf16[6144,1024]<0:32,1:2>");
  EXPECT_EQ(type.outer(0), 192);
  EXPECT_EQ(type.outer(1), 512);
  EXPECT_EQ(type.storage_bytes(), 6144 * 1024 * 2);
  EXPECT_EQ(type.storage_offset({33, 5}), ((1 * 512 + 2) * 32 + 1) * 2 + 1);
}

TEST(TensorType, StorageIsPaddedToWholeTiles) {
  const TensorType type = *TensorType::parse("f32[5,7]<0:4,1:2>");
  EXPECT_EQ(type.elements(), 35);
  EXPECT_EQ(type.storage_elements(), 2 * 4 * 4 * 2);
}

TEST(TensorType, EveryElementHasItsOwnPlace) {
  const TensorType type = *TensorType::parse("f32[13,10]<0:2,1:4,0:3>");
  std::set<std::int64_t> seen;
  for (std::int64_t i = 0; i < 13; ++i) {
    for (std::int64_t j = 0; j < 10; ++j) {
      const std::int64_t offset = type.storage_offset({i, j});
      EXPECT_GE(offset, 0);
      EXPECT_LT(offset, type.storage_elements());
      EXPECT_TRUE(seen.insert(offset).second);
    }
  }
}

TEST(TensorType, ScalesOfBlocksLieBehindTheValuesInTheSamePanels) {
  const TensorType type = *TensorType::parse("i8/32[20,96]<0:16,1:4>");
  EXPECT_EQ(type.scales().text(), "f32[20,3]<0:16>");
  EXPECT_EQ(type.scales_offset(), 32 * 96);
  EXPECT_EQ(type.storage_bytes(), 32 * 96 + 32 * 3 * 4);
  EXPECT_EQ(type.unpacked().text(), "i8/32[20,96]");
  // llama.cpp's Q8_0 has 32 values and a scale of 2 bytes in a block; ours has 4 bytes, and starts at a cache line.
  EXPECT_EQ(TensorType::parse("i8/32[1,32]")->storage_bytes(), 64 + 4);
}

TEST(TensorType, RowMajorWithoutLanes) { EXPECT_EQ(TensorType::parse("f32[2,3,4]")->storage_offset({1, 2, 3}), 23); }

}  // namespace
}  // namespace nntune::graph
