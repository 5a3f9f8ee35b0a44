#include "compiler/graph/graph.h"

#include <gtest/gtest.h>

namespace nntune::graph {
namespace {

TEST(Graph, PrintsOneLineANode) {
  Graph graph;
  const NodeId x = graph.add(input("x", {DType::f32, {1, 8}, {}})).value();
  const NodeId w = graph.add(weight("w", {DType::bf16, {4, 8}, {}})).value();
  graph.set_outputs({graph.add(matmul(), {x, w}).value()});
  EXPECT_EQ(graph.text(),
            "%0 = input{x:f32[1,8]}() : f32[1,8]\n"
            "%1 = weight{w:bf16[4,8]}() : bf16[4,8]\n"
            "%2 = matmul{;}(%0, %1) : f32[1,4]\n"
            "return %2\n");
}

TEST(Graph, RefusesOperandsThatDoNotFitAndStaysUnchanged) {
  Graph graph;
  const NodeId x = graph.add(input("x", {DType::f32, {1, 8}, {}})).value();
  EXPECT_FALSE(graph.add(matmul(), {x}));
  EXPECT_FALSE(graph.add(matmul(), {x, 7}));
  EXPECT_FALSE(graph.add(rowwise({{.kind = StepKind::rope, .group = 3}}), {x, x}));
  EXPECT_EQ(graph.nodes().size(), 1U);
}

}  // namespace
}  // namespace nntune::graph
