#include "compiler/reference/run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>

#include "base/json.h"
#include "compiler/import/model.h"
#include "compiler/import/phases.h"
#include "compiler/import/safetensors.h"
#include "compiler/runtime/rope_table.h"
#include "tests/support/shared_data.h"

namespace nntune::reference {
namespace {

namespace fs = std::filesystem;

/// A tiny dense model of each family, whose results were computed by another program.
class TinyModel : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    folder_ = test_support::shared_folder() / "models" / GetParam();
    NNTUNE_NEED_DATA(folder_);
    auto model = import::load_model(folder_.string());
    ASSERT_TRUE(model) << model.error().message();
    model_ = std::move(*model);
  }

  template <class T = float>
  Runner<T> runner(graph::DType dtype = graph::DType::f32) const {
    const std::vector<float> table = rope_table(kCapacity);
    return Runner<T>(
        [this, dtype](std::int64_t rows) {
          return import::build_phase(model_.config, dtype, rows,
                                     rows == 1 ? import::PhaseKind::decode : import::PhaseKind::prefill);
        },
        [this](const std::string& name, std::int64_t layer) { return model_.weights->read(name, layer); },
        HostTensor<T>({graph::DType::f32, {kCapacity, model_.config.head_dim}, {}},
                      std::vector<T>(table.begin(), table.end())),
        kCapacity);
  }

  [[nodiscard]] std::vector<float> rope_table(std::int64_t positions) const {
    const import::Rope& rope = model_.config.rope;
    std::vector<float> table(static_cast<std::size_t>(positions * model_.config.head_dim));
    runtime::fill_rope_table({rope.frequencies, rope.attention_factor}, table);
    return table;
  }
  [[nodiscard]] Json reference() const { return read_json(folder_ / "expected.json").value(); }

  static constexpr std::int64_t kCapacity = 256;
  fs::path folder_;
  import::Model model_;
};

/// The values of a tensor of activations.safetensors.
std::vector<float> stored(const import::SafeTensors& file, const std::string& name) {
  const import::StoredTensor* tensor = file.find(name);
  EXPECT_NE(tensor, nullptr) << name;
  std::vector<float> values(tensor->bytes.size() / sizeof(float));
  std::memcpy(values.data(), tensor->bytes.data(), tensor->bytes.size());
  return values;
}

template <class A, class B>
double largest_difference(const A& a, const B& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  return largest;
}

TEST_P(TinyModel, GivesTheExpectedLogitsAndGreedyTokensOfEveryPrompt) {
  const Json expected = reference();
  Runner<float> run = runner();
  ASSERT_EQ(expected["prompts"].size(), 7U);
  for (const Json& prompt : expected["prompts"]) {
    const std::string name = prompt["name"];
    const auto ids = prompt["ids"].get<std::vector<std::int32_t>>();
    run.clear();
    const auto logits = run.feed(ids);
    ASSERT_TRUE(logits) << logits.error().message();
    EXPECT_LT(largest_difference(*logits, prompt["last_logits"].get<std::vector<double>>()), 1e-3) << name;
    const auto greedy = prompt["greedy"]["ids"].get<std::vector<std::int32_t>>();
    // The first token follows from the logits just compared; the others one by one through the KV cache.
    std::vector<std::int32_t> generated = {static_cast<std::int32_t>(std::ranges::max_element(*logits) - logits->begin())};
    const auto rest = run.generate(generated, static_cast<std::int64_t>(greedy.size()) - 1);
    ASSERT_TRUE(rest) << rest.error().message();
    generated.insert(generated.end(), rest->begin(), rest->end());
    EXPECT_EQ(generated, greedy) << name;
  }
}

TEST_P(TinyModel, GivesTheExpectedActivations) {
  const auto file = import::SafeTensors::open_file(folder_ / "activations.safetensors");
  ASSERT_TRUE(file) << file.error().message();
  const Json expected = reference();
  const auto ids = expected["prompts"][1]["ids"].get<std::vector<std::int32_t>>();
  ASSERT_EQ(expected["prompts"][1]["name"], "short");
  const auto rows = static_cast<std::int64_t>(ids.size());

  graph::Phase phase = import::build_phase(model_.config, graph::DType::f32, rows, import::PhaseKind::prefill).value();
  std::map<std::string, HostTensor<float>> weights;
  const WeightLookup<float> lookup = [&](const std::string& name) -> Expected<const HostTensor<float>*> {
    const import::WeightSpec* spec = model_.weights->spec(name).value();
    auto values = model_.weights->read(name, 0);
    if (!values) return tl::unexpected<Error>(values.error());
    return &weights.try_emplace(name, HostTensor<float>({graph::DType::f32, spec->shape, {}}, std::move(*values)))
                .first->second;
  };
  const auto embedded = evaluate_graph<float>(
      phase.sections[0].graph,
      {{"ids", HostTensor<float>({graph::DType::i32, {rows}, {}}, std::vector<float>(ids.begin(), ids.end()))}}, lookup);
  ASSERT_TRUE(embedded) << embedded.error().message();
  EXPECT_EQ((*embedded)[0].values, stored(*file, "embedding"));

  // Every node of the body becomes an output, found by the weight that it multiplies with.
  graph::Graph& body = phase.sections[1].graph;
  std::vector<graph::NodeId> all(body.nodes().size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<graph::NodeId>(i);
  const std::vector<graph::NodeId> outputs = body.outputs();
  body.set_outputs(all);
  const import::ModelConfig& config = model_.config;
  const HostTensor<float> cache({graph::DType::f32, {config.kv_heads, rows, config.head_dim}, {}},
                                std::vector<float>(static_cast<std::size_t>(config.kv_heads * rows * config.head_dim)));
  const HostTensor<float> rope({graph::DType::f32, {rows, config.head_dim}, {}}, rope_table(rows));
  const auto values =
      evaluate_graph<float>(body, {{"x", (*embedded)[0]}, {"rope", rope}, {"state0", cache}, {"state1", cache}}, lookup);
  ASSERT_TRUE(values) << values.error().message();

  const auto users_of_weight = [&](const std::string& weight) {
    for (graph::NodeId id = 0; static_cast<std::size_t>(id) < all.size(); ++id) {
      const graph::Node& node = body.node(id);
      if (node.inputs.size() != 2) continue;
      const auto* leaf = body.node(node.inputs[1]).op.get_if<graph::Weight>();
      if (leaf != nullptr && leaf->name == weight) return id;
    }
    ADD_FAILURE() << "no node uses " << weight;
    return graph::NodeId{0};
  };
  std::optional<graph::NodeId> attention;
  for (graph::NodeId id = 0; static_cast<std::size_t>(id) < all.size(); ++id) {
    if (body.node(id).op.kind() == graph::OpKind::attention) attention = id;
  }
  ASSERT_TRUE(attention);
  const graph::NodeId keys = body.node(*attention).inputs[1];
  const std::map<std::string, graph::NodeId> nodes = {
      {"attn_norm", users_of_weight("layers.*.input_norm")},
      {"q", body.node(*attention).inputs[0]},
      {"k", body.node(keys).inputs[0]},
      {"v", body.node(body.node(*attention).inputs[2]).inputs[0]},
      {"attn_context", *attention},
      {"attn_out", users_of_weight("layers.*.o_proj")},
      {"after_attn", body.node(body.node(users_of_weight("layers.*.post_attention_norm")).inputs[0]).inputs[0]},
      {"mlp_norm", users_of_weight("layers.*.post_attention_norm")},
      {"mlp_out", users_of_weight("layers.*.down_proj")},
      {"layer_out", outputs[0]},
  };
  for (const auto& [name, id] : nodes) {
    const std::vector<float> want = stored(*file, "layers.0." + name);
    EXPECT_LT(largest_difference((*values)[static_cast<std::size_t>(id)].values, want), 1e-4) << name;
  }

  Runner<float> run = runner();
  const std::vector<float> logits = stored(*file, "logits");
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto row = run.feed(std::span(ids).subspan(i, 1)).value();
    const auto* want = logits.data() + i * row.size();
    EXPECT_LT(largest_difference(row, std::vector<float>(want, want + row.size())), 1e-3) << "position " << i;
  }
}

TEST_P(TinyModel, DoesNotDependOnHowThePromptIsCut) {
  const Json expected = reference();
  const auto ids = expected["prompts"][3]["ids"].get<std::vector<std::int32_t>>();
  Runner<double> whole = runner<double>();
  Runner<double> parts = runner<double>();
  const auto a = whole.feed(ids).value();
  ASSERT_TRUE(parts.feed(std::span(ids).first(9)));
  ASSERT_TRUE(parts.feed(std::span(ids).subspan(9, 1)));
  const auto b = parts.feed(std::span(ids).subspan(10)).value();
  EXPECT_LT(largest_difference(a, b), 1e-10);
}

TEST_P(TinyModel, Bf16WeightsAndCachesStayNearTheExpectedLogits) {
  const Json expected = reference();
  const Json& prompt = expected["prompts"][3];
  Runner<float> run = runner(graph::DType::bf16);
  const auto logits = run.feed(prompt["ids"].get<std::vector<std::int32_t>>()).value();
  const double difference = largest_difference(logits, prompt["last_logits"].get<std::vector<double>>());
  // Random weights amplify rounding.
  EXPECT_LT(difference, GetParam() == "tiny-qwen3-dense" ? 0.1 : 1.0);
  EXPECT_GT(difference, 1e-5);  // the cache did round
}

TEST_P(TinyModel, ATextBeyondTheCapacityIsRefusedAndChangesNothing) {
  Runner<float> run = runner();
  const std::vector<std::int32_t> one = {5};
  const auto before = run.feed(one).value();
  EXPECT_FALSE(run.feed(std::vector<std::int32_t>(256, 7)));
  EXPECT_FALSE(run.feed(std::vector<std::int32_t>{}));
  EXPECT_FALSE(run.feed(std::vector<std::int32_t>{2072}));
  EXPECT_EQ(run.past(), 1);
  run.clear();
  EXPECT_EQ(run.feed(one).value(), before);
}

INSTANTIATE_TEST_SUITE_P(Families, TinyModel, testing::Values("tiny-qwen3-dense", "tiny-llama3", "tiny-qwen2"),
                         [](const auto& model) {
                           std::string name = model.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace nntune::reference
