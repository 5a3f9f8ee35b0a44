#include "compiler/runtime/session_memory.h"

#include <gtest/gtest.h>

#include "tests/compiler/runtime/tiny_module.h"

namespace nntune::runtime {
namespace {

TEST(SessionMemory, ATokenHasEachStateInEachOfItsLayers) {
  // Qwen3-0.6B: 28 layers, 8 heads of 128 for keys and values, bf16.
  Plan plan;
  const State keys{.type = "bf16[8,?,128]", .rows = 8, .row_bytes = 256, .layers = 28};
  plan.states = {keys, keys};
  EXPECT_EQ(state_bytes_per_token(plan), 114'688);
  // A latent that all heads share, in blocks of 32 with scales.
  plan.states.push_back({.type = "i8/32[?,512]", .rows = 1, .row_bytes = 512 + 16 * 4, .layers = 3});
  EXPECT_EQ(state_bytes_per_token(plan), 114'688 + 3 * 576);
  const SessionMemory memory = session_memory(plan, 64, 2);
  EXPECT_EQ(memory.states[2].offset, 2U * 28U * 64U * 2048U);
  EXPECT_EQ(memory.states[2].bytes, 64U * 576U);
  EXPECT_GE(memory.states_bytes, 2U * memory.sequence_bytes);
}

TEST(SessionMemory, GrowsWithTheContextTheScratchAndTheLargestPhase) {
  Plan plan = testing::tiny_plan();
  const SessionMemory small = session_memory(plan, 1);
  EXPECT_EQ(small.capacity, 64);
  // 64 tokens of 1 head of 2 f32 in a page for each layer.
  EXPECT_EQ(small.states[0].bytes, 4096U);
  EXPECT_EQ(small.sequence_bytes, testing::kLayers * 4096U);
  EXPECT_EQ(small.scratch_bytes, 0U);
  // x of 4 rows and the padding of tiles.
  EXPECT_GE(small.x_bytes, (4U + kRowPadding) * testing::kHidden * 4U);

  EXPECT_EQ(session_memory(plan, 65).capacity, 128);
  const SessionMemory large = session_memory(plan, 6400);
  EXPECT_EQ(large.states[0].bytes, 13U * 4096U);  // 6400 * 2 * 4 bytes
  EXPECT_EQ(large.arena_bytes, small.arena_bytes);

  plan.kernels[3].scratch_bytes = 5000;
  const SessionMemory scratch = session_memory(plan, 1);
  EXPECT_EQ(scratch.scratch_bytes, 8192U);  // whole pages
  EXPECT_EQ(scratch.total_bytes(3), small.total_bytes(3) + 3U * 8192U);
}

}  // namespace
}  // namespace nntune::runtime
