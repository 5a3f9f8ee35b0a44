#include "compiler/egraph/flat_array.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "compiler/egraph/node_table.h"

namespace nntune::egraph {
namespace {

bool is_aligned(const void* block) { return reinterpret_cast<std::uintptr_t>(block) % kHugePageBytes == 0; }

TEST(FlatArray, KeepsItsValuesWhereItGrowsFromSmallToMapped) {
  FlatArray<std::uint32_t> array;
  FlatArray<std::uint32_t> other;  // lies in between, so that blocks have to move
  constexpr std::uint32_t kValues = 6 << 20;
  for (std::uint32_t i = 0; i < kValues; ++i) {
    array.push_back(i * 2654435761U);
    if (i % 3 == 0) other.push_back(i);
  }
  ASSERT_GT(array.capacity_bytes(), kMappedBytes);
  EXPECT_TRUE(is_aligned(array.data()));
  for (std::uint32_t i = 0; i < kValues; ++i) ASSERT_EQ(array[i], i * 2654435761U) << i;
  for (std::uint32_t i = 0; i < other.size(); ++i) ASSERT_EQ(other[i], 3 * i) << i;
}

TEST(FlatArray, MovedAndReleasedBlocksAreGivenBack) {
  FlatArray<std::uint64_t> array;
  array.assign(kMappedBytes / 8 + 1, 7);
  FlatArray<std::uint64_t> moved = std::move(array);
  EXPECT_EQ(moved.back(), 7U);
  moved.release();
  EXPECT_EQ(moved.capacity_bytes(), 0U);
  moved.push_back(1);
  EXPECT_EQ(moved[0], 1U);
}

TEST(FlatArray, BlocksOfEachSizeGrowInPlaceOrElsewhere) {
  const auto filled = [](const std::byte* bytes, std::size_t count, std::byte value) {
    return std::all_of(bytes, bytes + count, [value](std::byte each) { return each == value; });
  };
  std::size_t size = 100;
  auto* block = static_cast<std::byte*>(new_zeros(size));
  EXPECT_TRUE(filled(block, size, std::byte{0}));
  for (const std::size_t grown : {std::size_t{5000}, kMappedBytes - 1, kMappedBytes, kMappedBytes + 1, 3 * kMappedBytes}) {
    std::fill_n(block, size, std::byte{3});
    block = static_cast<std::byte*>(grow_block(block, size, grown));
    EXPECT_TRUE(filled(block, size, std::byte{3})) << grown;
    size = grown;
  }
  free_block(block, size);
  block = static_cast<std::byte*>(new_zeros(2 * kMappedBytes));
  EXPECT_TRUE(is_aligned(block));
  EXPECT_TRUE(filled(block, 2 * kMappedBytes, std::byte{0}));
  free_block(block, 2 * kMappedBytes);
}

TEST(NodeTable, FindsAllAfterItGrewToAMappedBlock) {
  NodeTable table;
  constexpr std::uint32_t kNodes = 1 << 20;
  const auto hash = [](std::uint32_t node) { return node * 2654435761U; };
  for (std::uint32_t node = 0; node < kNodes; ++node) table.insert(hash(node), node);
  ASSERT_GT(table.memory_bytes(), kMappedBytes);
  for (std::uint32_t node = 0; node < kNodes; ++node) {
    ASSERT_EQ(table.find(hash(node), [node](std::uint32_t other) { return other == node; }), node);
  }
}

}  // namespace
}  // namespace nntune::egraph
