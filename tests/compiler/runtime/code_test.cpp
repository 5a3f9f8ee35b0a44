#include "compiler/runtime/code.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

namespace nntune::runtime {
namespace {

// xor eax, eax; ret, then mov rax, [rdi + 8] (rows); mov rdx, [rdi + 40] (scratch); mov [rdx], rax; ret
constexpr std::array<unsigned char, 15> kStoresRows = {0x31, 0xc0, 0xc3, 0x48, 0x8b, 0x47, 0x08, 0x48,
                                                       0x8b, 0x57, 0x28, 0x48, 0x89, 0x02, 0xc3};

TEST(LoadedCode, RunsFromItsEntry) {
  auto code = LoadedCode::load(std::as_bytes(std::span(kStoresRows)));
  ASSERT_TRUE(code) << code.error().message();
  std::int64_t seen = 0;
  const KernelSequence sequence{.position = 0, .length = 7, .row_table = nullptr};
  KernelCall call = call_for(sequence);
  call.scratch = &seen;
  code->entry(0)(&call);
  EXPECT_EQ(seen, 0);
  code->entry(3)(&call);
  EXPECT_EQ(seen, 7);
}

TEST(LoadedCode, MovesKeepTheCodeAlive) {
  auto code = LoadedCode::load(std::as_bytes(std::span(kStoresRows)));
  ASSERT_TRUE(code);
  const LoadedCode moved = std::move(*code);
  std::int64_t seen = 0;
  const KernelSequence sequence{.position = 0, .length = 9, .row_table = nullptr};
  KernelCall call = call_for(sequence);
  call.scratch = &seen;
  moved.entry(3)(&call);
  EXPECT_EQ(seen, 9);
}

TEST(LoadedCode, AnEmptyImageIsRefused) { EXPECT_FALSE(LoadedCode::load({})); }

}  // namespace
}  // namespace nntune::runtime
