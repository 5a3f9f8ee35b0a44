#include "compiler/import/qwen3.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "compiler/import/builtin.h"

namespace nntune::import {
namespace {

std::set<std::string> leaves(const graph::Phase& phase, graph::OpKind kind) {
  std::set<std::string> names;
  for (const graph::Section& section : phase.sections) {
    for (const graph::Node& node : section.graph.nodes()) {
      if (node.op.kind() == kind) names.insert(node.op.leaf_name() + " " + node.type.text());
    }
  }
  return names;
}

TEST(Qwen3, EveryBuiltinModelHasAGraphOfEveryWeight) {
  for (const BuiltinModel& model : builtin_models()) {
    const auto phase = build_phase(model.config, graph::DType::bf16, 1, PhaseKind::decode);
    ASSERT_TRUE(phase) << model.name << ": " << phase.error().message();
    EXPECT_EQ(leaves(*phase, graph::OpKind::weight).size(), weight_specs(model.config).size()) << model.name;
    EXPECT_EQ(phase->sections[1].repeat, model.config.layers);
  }
}

TEST(Qwen3, PrefillRunsManyRowsAndTheHeadOne) {
  const auto phase = build_phase(*find_builtin("qwen3-8b"), graph::DType::bf16, 128, PhaseKind::prefill);
  ASSERT_TRUE(phase) << phase.error().message();
  EXPECT_EQ(phase->name, "prefill");
  EXPECT_EQ(phase->rows, 128);
  EXPECT_THAT(leaves(*phase, graph::OpKind::input),
              testing::ElementsAre("ids i32[128]", "k_cache bf16[8,?,128]", "rope f32[?,128]", "v_cache bf16[8,?,128]",
                                   "x f32[1,4096]", "x f32[128,4096]"));
  const graph::Graph& body = phase->sections[1].graph;
  ASSERT_EQ(body.outputs().size(), 3U);
  EXPECT_EQ(body.node(body.outputs()[0]).type.text(), "f32[128,4096]");
  EXPECT_EQ(body.node(body.outputs()[1]).op.kind(), graph::OpKind::cache_append);
  const graph::Graph& head = phase->sections[2].graph;
  EXPECT_EQ(head.node(head.outputs()[0]).type.text(), "f32[1,151936]");
  EXPECT_EQ(head.node(head.outputs()[1]).type.text(), "i32[1]");
}

TEST(Qwen3, TheImportedProgramIsPlain) {
  const auto phase = build_phase(*find_builtin("qwen3-0.6b"), graph::DType::f32, 1, PhaseKind::decode);
  for (const graph::Section& section : phase->sections) {
    for (const graph::Node& node : section.graph.nodes()) {
      EXPECT_LE(node.op.prologue().size(), node.op.kind() == graph::OpKind::rowwise ? 1U : 0U) << node.op.text();
      EXPECT_TRUE(node.op.epilogue().empty()) << node.op.text();
      EXPECT_FALSE(node.type.packed());
    }
  }
}

TEST(Qwen3, WeightsAreFloats) {
  EXPECT_EQ(build_phase(*find_builtin("qwen3-0.6b"), graph::DType::i32, 1, PhaseKind::decode).error().kind,
            ErrorKind::unsupported);
  EXPECT_FALSE(build_phase(*find_builtin("qwen3-0.6b"), graph::DType::f32, 0, PhaseKind::prefill));
}

}  // namespace
}  // namespace nntune::import
