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

/// A section that reads a weight of this name.
Section section(const std::string& name, std::int64_t first_layer, std::int64_t repeat, const std::string& weight_name) {
  Graph graph;
  graph.set_outputs({graph.add(weight(weight_name, {DType::f32, {4}, {}})).value()});
  return {.name = name, .graph = std::move(graph), .repeat = repeat, .first_layer = first_layer};
}

TEST(Graph, SectionsRunEachLayerOnceInAnyOrder) {
  const auto check = [](std::vector<Section> sections) { return check_sections({"decode", 1, std::move(sections)}); };
  const Section embed = section("embed", 0, 1, "embed_tokens");
  const Section head = section("head", 0, 1, "final_norm");
  EXPECT_TRUE(check({embed, section("dense", 0, 1, "layers.*.a"), section("body", 1, 26, "layers.*.a"), head}));
  EXPECT_TRUE(check({embed, section("body", 0, 26, "layers.*.a"), section("dense", 26, 1, "layers.*.a"), head}));
  const auto refused = [&](std::vector<Section> sections) { return check(std::move(sections)).error().what; };
  EXPECT_EQ(refused({embed, section("dense", 0, 1, "layers.*.a"), section("body", 0, 26, "layers.*.a"), head}),
            "phase decode: layer 0 runs twice");
  EXPECT_EQ(refused({embed, section("body", 0, 1, "layers.*.a"), section("body", 1, 1, "layers.*.a"), head}),
            "phase decode: two sections are named body");
  EXPECT_EQ(refused({embed, section("body", -1, 2, "layers.*.a"), head}),
            "phase decode: section body runs 2 layers from layer -1");
}

}  // namespace
}  // namespace nntune::graph
