#include "compiler/module/pack.h"

#include <gtest/gtest.h>

#include <map>

#include "compiler/import/family.h"
#include "compiler/reference/evaluate.h"
#include "compiler/reference/storage.h"

namespace nntune::module {
namespace {

using graph::DType;
using graph::Graph;
using graph::Lane;
using graph::NodeId;
using graph::OpKind;
using graph::Step;
using graph::StepKind;
using graph::TensorType;

auto config() -> import::ModelConfig {
  return {.family = import::find_family("qwen3"),
          .hidden = 48,
          .layers = 3,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 18,
          .intermediate = 70,
          .vocab = 77,
          .max_positions = 64};
}

TensorType type(const char* text) { return TensorType::parse(text).value(); }

/// Builds one recipe; every add must succeed.
struct Recipe {
  Graph graph;
  NodeId weight(const char* name, const char* of) { return graph.add(graph::weight(name, type(of))).value(); }
  NodeId add(graph::Op op, std::vector<NodeId> inputs) { return graph.add(std::move(op), std::move(inputs)).value(); }
  NodeId pack(NodeId x, std::vector<Lane> lanes) { return add(graph::Pack{.lanes = std::move(lanes)}, {x}); }
  NodeId cast(NodeId x, DType dtype) { return add(graph::rowwise({{.kind = StepKind::cast, .dtype = dtype}}), {x}); }
  NodeId scale(NodeId x, NodeId w) { return add(graph::rowwise({{.kind = StepKind::scale}}), {x, w}); }

  extract::StoredWeight stored(NodeId output) {
    graph.set_outputs({output});
    extract::StoredWeight result{.key = graph.text(), .recipe = graph, .type = graph.node(output).type};
    for (const graph::Node& node : graph.nodes()) {
      if (node.op.kind() == OpKind::weight && graph::per_layer(node.op.leaf_name())) result.layers = {0, 1, 2};
    }
    return result;
  }
};

std::vector<std::byte> reference_bytes(const extract::StoredWeight& weight, const import::WeightSource& source,
                                       std::int64_t layer) {
  std::map<std::string, reference::HostTensor<float>> tensors;
  const reference::WeightLookup<float> lookup =
      [&](const std::string& name) -> Expected<const reference::HostTensor<float>*> {
    TensorType of;
    for (const graph::Node& node : weight.recipe.nodes()) {
      if (node.op.kind() == OpKind::weight && node.op.leaf_name() == name) of = node.type;
    }
    reference::HostTensor<float> tensor(of, source.read(name, layer).value());
    reference::round_values(tensor);
    return &(tensors[name] = std::move(tensor));
  };
  const auto outputs = reference::evaluate_graph<float>(weight.recipe, {}, lookup);
  return reference::to_storage(outputs.value().front());
}

void expect_like_reference(const std::vector<extract::StoredWeight>& weights) {
  const auto source = import::make_random_weights(config(), 7);
  const WeightLayout layout = lay_out_weights(weights);
  std::vector<std::byte> memory(layout.bytes);
  const Status status = pack_weights(weights, layout, *source, memory);
  ASSERT_TRUE(status) << status.error().message();
  for (std::size_t w = 0; w < weights.size(); ++w) {
    const runtime::Weight& place = layout.weights[w];
    EXPECT_EQ(place.offset % 4096, 0U);
    const runtime::WeightIndex layers = place.index(runtime::WeightIndex::Kind::layer);
    EXPECT_EQ(layers.count, weights[w].layers.empty() ? 1 : static_cast<std::int64_t>(weights[w].layers.size()));
    for (std::int64_t i = 0; i < layers.count; ++i) {
      const std::int64_t layer = weights[w].layers.empty() ? 0 : weights[w].layers[static_cast<std::size_t>(i)];
      const auto begin =
          memory.begin() + static_cast<std::ptrdiff_t>(place.offset + static_cast<std::uint64_t>(i) * layers.distance);
      const std::vector<std::byte> found(begin, begin + static_cast<std::ptrdiff_t>(place.bytes));
      EXPECT_EQ(found, reference_bytes(weights[w], *source, layer)) << weights[w].key << " layer " << layer;
    }
  }
}

TEST(Pack, EveryLayoutIsThatOfTheReference) {
  std::vector<extract::StoredWeight> weights;
  const std::vector<std::vector<Lane>> layouts = {
      {}, {{0, 32}}, {{0, 32}, {1, 2}}, {{0, 16}, {1, 32}}, {{1, 4}}, {{0, 4}, {1, 2}, {0, 3}}, {{1, 2}, {0, 48}}};
  for (const char* matrix : {"f32[77,48]", "bf16[77,48]"}) {
    for (const auto& lanes : layouts) {
      Recipe r;
      const NodeId w = r.weight("embed_tokens", matrix);
      weights.push_back(r.stored(lanes.empty() ? w : r.pack(w, lanes)));
    }
  }
  expect_like_reference(weights);
}

TEST(Pack, MergedAndInterleavedMatricesOfEachLayer) {
  std::vector<extract::StoredWeight> weights;
  {
    Recipe r;
    const NodeId q = r.weight("layers.*.q_proj", "bf16[72,48]");
    const NodeId k = r.weight("layers.*.k_proj", "bf16[36,48]");
    const NodeId v = r.weight("layers.*.v_proj", "bf16[36,48]");
    weights.push_back(r.stored(r.pack(r.add(graph::Concat{}, {q, k, v}), {{0, 32}, {1, 2}})));
  }
  {
    Recipe r;
    const NodeId gate = r.weight("layers.*.gate_proj", "bf16[70,48]");
    const NodeId up = r.weight("layers.*.up_proj", "bf16[70,48]");
    weights.push_back(r.stored(r.pack(r.add(graph::Interleave{.group = 14}, {gate, up}), {{0, 16}, {1, 2}})));
  }
  {
    Recipe r;
    const NodeId gate = r.weight("layers.*.gate_proj", "f32[70,48]");
    weights.push_back(r.stored(r.add(graph::Slice{.begin = 33, .end = 66, .axis = 0}, {gate})));
    Recipe columns;
    const NodeId up = columns.weight("layers.*.up_proj", "f32[70,48]");
    weights.push_back(columns.stored(columns.pack(columns.add(graph::Slice{.begin = 5, .end = 40}, {up}), {{0, 8}})));
  }
  expect_like_reference(weights);
}

TEST(Pack, OnlyTheLayersThatHaveAWeight) {
  Recipe r;
  std::vector<extract::StoredWeight> weights = {r.stored(r.weight("layers.*.q_proj", "f32[72,48]"))};
  for (const extract::Layers& layers : {extract::Layers{2}, {0, 2}}) {
    weights[0].layers = layers;
    expect_like_reference(weights);
  }
}

TEST(Pack, FoldedNormsAndCasts) {
  std::vector<extract::StoredWeight> weights;
  {
    Recipe r;
    const NodeId w = r.weight("layers.*.down_proj", "f32[48,70]");
    weights.push_back(r.stored(r.pack(r.cast(w, DType::bf16), {{0, 32}, {1, 2}})));
  }
  {
    Recipe r;
    const NodeId w = r.weight("layers.*.q_proj", "f32[72,48]");
    const NodeId norm = r.weight("layers.*.input_norm", "f32[48]");
    weights.push_back(r.stored(r.pack(r.scale(w, norm), {{0, 16}})));
  }
  {
    Recipe r;
    weights.push_back(r.stored(r.weight("layers.*.input_norm", "f32[48]")));
  }
  expect_like_reference(weights);
}

TEST(Pack, TransposedReshapedAndAddedMatrices) {
  std::vector<extract::StoredWeight> weights;
  {
    Recipe r;
    const NodeId w = r.weight("embed_tokens", "bf16[77,48]");
    weights.push_back(r.stored(r.pack(r.add(graph::Transpose{}, {w}), {{0, 32}, {1, 2}})));
  }
  {
    Recipe r;
    const NodeId w = r.weight("layers.*.q_proj", "f32[72,48]");
    const NodeId part = r.add(graph::Slice{.begin = 3, .end = 40, .axis = 0}, {w});
    weights.push_back(r.stored(r.add(graph::Transpose{}, {part})));
  }
  for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{16, 216}, {54, 64}, {3456, 1}, {1, 3456}}) {
    Recipe r;
    const NodeId w = r.weight("layers.*.q_proj", "f32[72,48]");
    weights.push_back(r.stored(r.pack(r.add(graph::Reshape{.shape = shape}, {w}), {{0, 8}})));
  }
  {
    // The scales of two norms in one.
    Recipe r;
    const NodeId norm = r.weight("layers.*.input_norm", "f32[48]");
    const NodeId row = r.add(graph::Reshape{.shape = {1, 48}}, {norm});
    const NodeId both =
        r.add(graph::Reshape{.shape = {48}}, {r.scale(row, r.weight("layers.*.post_attention_norm", "f32[48]"))});
    weights.push_back(r.stored(r.scale(r.weight("layers.*.q_proj", "f32[72,48]"), both)));
  }
  {
    Recipe r;
    const NodeId gate = r.weight("layers.*.gate_proj", "f32[70,48]");
    const NodeId up = r.weight("layers.*.up_proj", "f32[70,48]");
    weights.push_back(r.stored(r.pack(r.add(graph::rowwise({{.kind = StepKind::add}}), {gate, up}), {{0, 16}})));
  }
  expect_like_reference(weights);
}

TEST(Pack, WhatCannotBeComputedAheadIsRefused) {
  Recipe r;
  const NodeId w = r.weight("layers.*.q_proj", "f32[72,48]");
  const auto weight = r.stored(r.add(graph::rowwise({{.kind = StepKind::softmax}}), {w}));
  const auto source = import::make_random_weights(config(), 7);
  const WeightLayout layout = lay_out_weights({&weight, 1});
  std::vector<std::byte> memory(layout.bytes);
  EXPECT_FALSE(pack_weights({&weight, 1}, layout, *source, memory));
}

}  // namespace
}  // namespace nntune::module
