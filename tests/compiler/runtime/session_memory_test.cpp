#include "compiler/runtime/session_memory.h"

#include <gtest/gtest.h>

#include "tests/compiler/runtime/tiny_module.h"

namespace nntune::runtime {
namespace {

TEST(SessionMemory, ATokenHasKeysAndValuesInEachLayer) {
  // Qwen3-0.6B: 28 layers, 8 heads of 128 for keys and values, bf16.
  ModelInfo model;
  model.layers = 28;
  model.kv_heads = 8;
  model.head_dim = 128;
  model.cache_element_bytes = 2;
  EXPECT_EQ(kv_bytes_per_token(model), 114'688);
}

TEST(SessionMemory, GrowsWithTheContextTheScratchAndTheLargestPhase) {
  Plan plan = testing::tiny_plan();
  const SessionMemory small = session_memory(plan, 1);
  EXPECT_EQ(small.capacity, 64);
  // 64 tokens of 1 head of 2 f32 in a page for each of two caches a layer.
  EXPECT_EQ(small.cache_bytes, 4096U);
  EXPECT_GE(small.caches_bytes, 2U * testing::kLayers * 4096U);
  EXPECT_EQ(small.scratch_bytes, 0U);
  // x of 4 rows and the padding of tiles.
  EXPECT_GE(small.x_bytes, (4U + kRowPadding) * testing::kHidden * 4U);

  EXPECT_EQ(session_memory(plan, 65).capacity, 128);
  const SessionMemory large = session_memory(plan, 6400);
  EXPECT_EQ(large.cache_bytes, 13U * 4096U);  // 6400 * 2 * 4 bytes
  EXPECT_EQ(large.arena_bytes, small.arena_bytes);

  plan.kernels[3].scratch_bytes = 5000;
  const SessionMemory scratch = session_memory(plan, 1);
  EXPECT_EQ(scratch.scratch_bytes, 8192U);  // whole pages
  EXPECT_EQ(scratch.total_bytes(3), small.total_bytes(3) + 3U * 8192U);
}

}  // namespace
}  // namespace nntune::runtime
