#include "compiler/import/family.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "compiler/import/phases.h"

namespace nntune::import {
namespace {

using testing::HasSubstr;

std::set<std::string> leaves(const graph::Phase& phase, graph::OpKind kind) {
  std::set<std::string> names;
  for (const graph::Section& section : phase.sections) {
    for (const graph::Node& node : section.graph.nodes()) {
      if (node.op.kind() == kind) names.insert(node.op.leaf_name() + " " + node.type.text());
    }
  }
  return names;
}

TEST(Families, HaveNamesOfTheirOwn) {
  std::set<std::string_view> seen;
  for (const ModelFamily* family : families()) {
    EXPECT_TRUE(seen.insert(family->model_type).second) << family->model_type;
    EXPECT_TRUE(seen.insert(family->architecture).second) << family->architecture;
    EXPECT_EQ(find_family(family->model_type), family);
    EXPECT_THAT(family_names(), HasSubstr(std::string(family->title)));
  }
  EXPECT_EQ(find_family("gpt2"), nullptr);
}

TEST(Families, EveryBuiltinModelHasAGraphOfEveryWeight) {
  for (const BuiltinModel& model : builtin_models()) {
    const auto phase = build_phase(model.config, graph::DType::bf16, 1, PhaseKind::decode);
    ASSERT_TRUE(phase) << model.name << ": " << phase.error().message();
    EXPECT_EQ(leaves(*phase, graph::OpKind::weight).size(), weight_list(model.config).tensors.size()) << model.name;
    EXPECT_EQ(phase->sections[1].repeat, model.config.layers);
  }
}

TEST(Families, NoTwoWeightsOfAModelHaveOneName) {
  for (const BuiltinModel& model : builtin_models()) {
    std::set<std::string> names, stored;
    for (const WeightSpec& spec : weight_list(model.config).tensors) {
      EXPECT_TRUE(names.insert(spec.name).second) << model.name << " " << spec.name;
      EXPECT_TRUE(stored.insert(spec.stored_name(3)).second) << model.name << " " << spec.stored;
      EXPECT_EQ(spec.stored.find('*') != std::string::npos, spec.per_layer()) << spec.stored;
      EXPECT_EQ(spec.shape.size() == 2, spec.role == WeightRole::matrix) << spec.name;
    }
  }
}

TEST(Families, PrefillRunsManyRowsAndTheHeadOne) {
  const auto phase = build_phase(*find_builtin("qwen3-8b"), graph::DType::bf16, 128, PhaseKind::prefill);
  ASSERT_TRUE(phase) << phase.error().message();
  EXPECT_EQ(phase->name, "prefill");
  EXPECT_EQ(phase->rows, 128);
  EXPECT_THAT(leaves(*phase, graph::OpKind::input),
              testing::ElementsAre("ids i32[128]", "rope f32[?,128]", "x f32[1,4096]", "x f32[128,4096]"));
  EXPECT_THAT(leaves(*phase, graph::OpKind::state), testing::ElementsAre("0 bf16[8,?,128]", "1 bf16[8,?,128]"));
  const graph::Graph& body = phase->sections[1].graph;
  ASSERT_EQ(body.outputs().size(), 3U);
  EXPECT_EQ(body.node(body.outputs()[0]).type.text(), "f32[128,4096]");
  EXPECT_EQ(body.node(body.outputs()[1]).op.kind(), graph::OpKind::cache_append);
  const graph::Graph& head = phase->sections[2].graph;
  EXPECT_EQ(head.node(head.outputs()[0]).type.text(), "f32[1,151936]");
  EXPECT_EQ(head.node(head.outputs()[1]).type.text(), "i32[1]");
}

TEST(Families, TheImportedProgramIsPlain) {
  for (const ModelFamily* family : families()) {
    ModelConfig config = family->sizes().front().config;
    config.family = family;
    const auto phase = build_phase(config, graph::DType::f32, 1, PhaseKind::decode);
    ASSERT_TRUE(phase) << phase.error().message();
    for (const graph::Section& section : phase->sections) {
      for (const graph::Node& node : section.graph.nodes()) {
        EXPECT_LE(node.op.prologue().size(), node.op.kind() == graph::OpKind::rowwise ? 1U : 0U) << node.op.text();
        EXPECT_TRUE(node.op.epilogue().empty()) << node.op.text();
        EXPECT_FALSE(node.type.packed());
      }
    }
  }
}

/// How often each row-wise step stands in the body.
std::map<graph::StepKind, int> steps_of(const char* model) {
  std::map<graph::StepKind, int> counts;
  const auto phase = build_phase(*find_builtin(model), graph::DType::f32, 1, PhaseKind::decode);
  for (const graph::Node& node : phase->sections[1].graph.nodes()) {
    for (const graph::Step& step : node.op.prologue()) ++counts[step.kind];
  }
  return counts;
}

TEST(Families, LayersDifferInNormsOfTheHeadsAndBiases) {
  using enum graph::StepKind;
  EXPECT_EQ(steps_of("qwen3-0.6b"),
            (std::map<graph::StepKind, int>{{rms, 4}, {scale, 4}, {rope, 2}, {add, 2}, {swiglu, 1}}));
  EXPECT_EQ(steps_of("llama-3.2-1b"),
            (std::map<graph::StepKind, int>{{rms, 2}, {scale, 2}, {rope, 2}, {add, 2}, {swiglu, 1}}));
  EXPECT_EQ(steps_of("qwen2.5-0.5b"),
            (std::map<graph::StepKind, int>{{rms, 2}, {scale, 2}, {bias, 3}, {rope, 2}, {add, 2}, {swiglu, 1}}));
}

TEST(Families, WeightsAreFloats) {
  EXPECT_EQ(build_phase(*find_builtin("qwen3-0.6b"), graph::DType::i32, 1, PhaseKind::decode).error().kind,
            ErrorKind::unsupported);
  EXPECT_FALSE(build_phase(*find_builtin("qwen3-0.6b"), graph::DType::f32, 0, PhaseKind::prefill));
}

TEST(Weights, AreStoredUnderTheNamesOfTransformers) {
  const WeightList list = weight_list(*find_builtin("llama-3.1-8b"));
  EXPECT_EQ(list.find("layers.*.q_proj")->stored_name(31), "model.layers.31.self_attn.q_proj.weight");
  EXPECT_EQ(list.find("layers.*.post_attention_norm")->stored_name(0), "model.layers.0.post_attention_layernorm.weight");
  EXPECT_EQ(list.find("final_norm")->stored_name(0), "model.norm.weight");
  EXPECT_EQ(list.find("lm_head")->stored_name(0), "lm_head.weight");
  EXPECT_EQ(list.find("layers.*.q_norm"), nullptr);
  EXPECT_EQ(list.tensors.size(), 12U);
}

TEST(Weights, BiasesAreVectorsOfTheProjections) {
  const WeightList list = weight_list(*find_builtin("qwen2.5-7b"));
  EXPECT_EQ(list.find("layers.*.q_bias")->stored_name(2), "model.layers.2.self_attn.q_proj.bias");
  EXPECT_EQ(list.find("layers.*.q_bias")->shape, std::vector<std::int64_t>{3584});
  EXPECT_EQ(list.find("layers.*.v_bias")->shape, std::vector<std::int64_t>{512});
  EXPECT_EQ(list.find("layers.*.o_bias"), nullptr);
}

TEST(Weights, ATiedModelReadsNoOutputMatrixButMayHaveOne) {
  const WeightList tied = weight_list(*find_builtin("llama-3.2-1b"));
  EXPECT_EQ(tied.find("lm_head"), nullptr);
  EXPECT_THAT(tied.unread, testing::Contains("lm_head.weight"));
  EXPECT_THAT(weight_list(*find_builtin("llama-3.1-8b")).unread, testing::Not(testing::Contains("lm_head.weight")));
}

}  // namespace
}  // namespace nntune::import
