#include "compiler/runtime/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace nntune::runtime {
namespace {

TEST(Memory, IsZeroedAndAligned) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{5000}, (std::size_t{2} << 20) + 1}) {
    auto memory = Memory::allocate(bytes, "a test");
    ASSERT_TRUE(memory);
    EXPECT_EQ(memory->size(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory->data()) % 4096, 0U);
    EXPECT_TRUE(std::ranges::all_of(memory->bytes(), [](std::byte b) { return b == std::byte{0}; }));
    std::ranges::fill(memory->bytes(), std::byte{1});
    const Memory moved = std::move(*memory);
    EXPECT_EQ(moved.bytes().back(), std::byte{1});
  }
}

TEST(Memory, MoreThanThereIsIsRefusedBeforeItIsTouched) {
  for (const std::size_t bytes : {std::size_t{1} << 50, ~std::size_t{0}}) {
    const auto memory = Memory::allocate(bytes, "the weights");
    ASSERT_FALSE(memory);
    EXPECT_NE(memory.error().what.find("no memory for the weights"), std::string::npos) << memory.error().what;
  }
}

}  // namespace
}  // namespace nntune::runtime
