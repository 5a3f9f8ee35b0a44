#include "compiler/runtime/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <utility>

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

/// The physical page below an address, 0 if the system does not tell (it needs root).
std::uint64_t page_below(const std::byte* address) {
  std::ifstream pagemap("/proc/self/pagemap", std::ios::binary);
  std::uint64_t entry = 0;
  pagemap.seekg(static_cast<std::streamoff>(reinterpret_cast<std::uintptr_t>(address) / 4096 * sizeof(entry)));
  pagemap.read(reinterpret_cast<char*>(&entry), sizeof(entry));
  return entry & ((std::uint64_t{1} << 55) - 1);
}

TEST(Memory, ExchangedPagesHaveTheSameBytesAtTheSameAddresses) {
  constexpr std::size_t kHuge = std::size_t{2} << 20;
  for (const auto& [first_bytes, second_bytes] :
       {std::pair(4 * kHuge, 4 * kHuge), std::pair(3 * kHuge + 5000, 5 * kHuge + 1), std::pair(kHuge, kHuge / 2)}) {
    const Memory first = Memory::allocate(first_bytes, "a test").value();
    const Memory second = Memory::allocate(second_bytes, "a test").value();
    const auto byte_of = [](std::size_t seed, std::size_t i) {
      return static_cast<std::byte>((seed + i * 2654435761U) >> 7);
    };
    const auto for_all = [&](const auto& call) {
      for (const Memory* memory : {&first, &second}) {
        for (std::size_t i = 0; i < memory->size(); ++i) call(memory->data()[i], byte_of(memory->size(), i));
      }
    };
    for_all([](std::byte& at, std::byte value) { at = value; });
    const std::pair before(page_below(first.data()), page_below(second.data()));
    ASSERT_TRUE(first.exchange_pages(second));
    std::size_t wrong = 0;
    for_all([&](std::byte at, std::byte value) { wrong += at != value ? 1 : 0; });
    EXPECT_EQ(wrong, 0U);
    if (second_bytes >= kHuge && before.first != 0) {
      EXPECT_EQ(std::pair(page_below(second.data()), page_below(first.data())), before);
    }
    EXPECT_TRUE(first.exchange_pages(first));
  }
}

}  // namespace
}  // namespace nntune::runtime
