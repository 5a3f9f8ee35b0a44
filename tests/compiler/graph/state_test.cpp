#include "compiler/graph/state.h"

#include <gtest/gtest.h>

namespace nntune::graph {
namespace {

const TensorType kKeys = {DType::f32, {2, kRunTime, 4}, {}};

TEST(State, HasANumberInAnySection) {
  EXPECT_EQ(state_number(state(17, kKeys)), 17U);
  EXPECT_EQ(state_number(State{"decode1.body.3", kKeys}), 3U);
  EXPECT_EQ(state_number(input("3", kKeys)), std::nullopt);
  EXPECT_EQ(state(0, kKeys).text(), "state{0:f32[2,?,4]}");
  EXPECT_EQ(Op::parse("state{0:f32[2,?,4]}").value(), state(0, kKeys));
  EXPECT_EQ(state_name(17), "state17");
}

TEST(State, NeedsANumberAndTokens) {
  EXPECT_TRUE(infer_type(state(1, {DType::bf16, {kRunTime, 512}, {}}), {}));
  EXPECT_FALSE(infer_type(State{"keys", kKeys}, {}));
  EXPECT_FALSE(infer_type(State{"body.", kKeys}, {}));
  EXPECT_FALSE(infer_type(state(0, {DType::f32, {2, 4}, {}}), {}));
}

TEST(State, IsTheOneThatWasAppendedTo) {
  Graph graph;
  const NodeId x = graph.add(input("x", {DType::f32, {1, 8}, {}})).value();
  const NodeId keys = graph.add(state(3, kKeys)).value();
  EXPECT_EQ(state_of(graph, x), std::nullopt);
  EXPECT_EQ(state_of(graph, keys), 3U);
  EXPECT_EQ(state_of(graph, graph.add(CacheAppend{}, {x, keys}).value()), 3U);
}

}  // namespace
}  // namespace nntune::graph
