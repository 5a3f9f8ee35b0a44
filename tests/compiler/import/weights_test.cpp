#include "compiler/import/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/bf16.h"
#include "base/json.h"
#include "compiler/import/builtin.h"
#include "tests/compiler/import/tiny_folder.h"

namespace nntune::import {
namespace {

using testing::HasSubstr;

using Source = Expected<std::shared_ptr<const WeightSource>>;

/// Weights from tensors in a file; the folder may go, the map stays.
Source source_of(const TensorMap& tensors, const Json& config = tiny_config()) {
  const TemporaryFolder folder;
  folder.write("model.safetensors", safetensors_bytes(tensors));
  NNTUNE_ASSIGN(SafeTensors file, SafeTensors::open_folder(folder.path()));
  NNTUNE_ASSIGN(const ModelConfig parsed, parse_config(config, "config.json"));
  return make_stored_weights(parsed, std::move(file), "tiny");
}

std::string error_of(const TensorMap& tensors, const Json& config = tiny_config()) {
  const Source source = source_of(tensors, config);
  if (!source) return source.error().message();
  const Status status = (*source)->validate();
  return status ? "accepted" : status.error().message();
}

/// Replaces a tensor by `values` in another dtype.
TensorData as_dtype(const std::string& dtype, const std::vector<std::int64_t>& shape,
                    const std::vector<std::uint16_t>& bits) {
  std::string bytes(bits.size() * 2, '\0');
  std::memcpy(bytes.data(), bits.data(), bytes.size());
  return {dtype, shape, bytes};
}

void set_float(TensorData& tensor, std::size_t index, float value) {
  std::memcpy(tensor.bytes.data() + index * sizeof(float), &value, sizeof(float));
}

TEST(StoredWeights, AreReadByOurNamesLayerAndRow) {
  const Source source = source_of(tiny_tensors());
  ASSERT_TRUE(source) << source.error().message();
  ASSERT_TRUE((*source)->validate());
  EXPECT_FALSE((*source)->random());
  std::vector<float> rows(2 * 6);
  ASSERT_TRUE((*source)->read_rows("layers.*.q_proj", 1, 3, 2, rows.data()));
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i], 1000 + 3 * 6 + static_cast<float>(i) + 1);
  EXPECT_EQ((*source)->read("final_norm", 0)->at(5), 6);
}

TEST(StoredWeights, RequestsOutsideOfTheTensorAreRefused) {
  const Source source = source_of(tiny_tensors());
  std::vector<float> out(100);
  EXPECT_FALSE((*source)->read_rows("nonsense", 0, 0, 1, out.data()));
  EXPECT_FALSE((*source)->read_rows("layers.*.q_proj", 2, 0, 1, out.data()));
  EXPECT_FALSE((*source)->read_rows("layers.*.q_proj", -1, 0, 1, out.data()));
  EXPECT_FALSE((*source)->read_rows("layers.*.q_proj", 0, 15, 2, out.data()));
  EXPECT_FALSE((*source)->read_rows("layers.*.q_proj", 0, -1, 1, out.data()));
  EXPECT_FALSE((*source)->read_rows("layers.*.q_proj", 0, INT64_MAX, 1, out.data()));
}

TEST(StoredWeights, Bf16AndF16AreReadExactly) {
  TensorMap tensors = tiny_tensors();
  tensors["model.norm.weight"] = as_dtype("BF16", {6}, {0x3F80, 0xBF80, 0x4049, 0x0001, 0x0000, 0x7F7F});
  tensors["model.layers.0.input_layernorm.weight"] = as_dtype("F16", {6}, {0x3C00, 0xC000, 0x0001, 0x7BFF, 0x8000, 0x3555});
  const Source source = source_of(tensors);
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_TRUE((*source)->validate());
  EXPECT_THAT(*(*source)->read("final_norm", 0), testing::ElementsAre(1.0F, -1.0F, 3.140625F, 0x1p-133F, 0.0F, 0x1.FEp127F));
  EXPECT_THAT(*(*source)->read("layers.*.input_norm", 0),
              testing::ElementsAre(1.0F, -2.0F, 0x1p-24F, 65504.0F, -0.0F, 0x1.554p-2F));
}

TEST(StoredWeights, MissingWrongAndForeignTensorsAreNamed) {
  TensorMap tensors = tiny_tensors();
  tensors.erase("model.layers.1.mlp.up_proj.weight");
  EXPECT_THAT(error_of(tensors), HasSubstr("\"model.layers.1.mlp.up_proj.weight\" is missing"));

  tensors = tiny_tensors();
  std::swap(tensors["model.layers.0.mlp.up_proj.weight"].shape[0], tensors["model.layers.0.mlp.up_proj.weight"].shape[1]);
  EXPECT_THAT(error_of(tensors), HasSubstr("has the shape [6,10], must be [10,6]"));

  tensors = tiny_tensors();
  tensors["model.norm.weight"].dtype = "I32";
  EXPECT_THAT(error_of(tensors), HasSubstr("\"model.norm.weight\" is I32; weights must be F32, BF16 or F16"));

  tensors = tiny_tensors();
  tensors["model.layers.0.self_attn.q_proj.bias"] = {"F32", {1}, "abcd"};
  EXPECT_THAT(error_of(tensors), HasSubstr("q_proj.bias\" is no part of a dense Qwen3 model of 2 layers"));

  tensors = tiny_tensors();
  tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {"F32", {1}, "abcd"};
  EXPECT_EQ(error_of(tensors), "accepted");

  Json tied = tiny_config();
  tied["tie_word_embeddings"] = true;
  EXPECT_EQ(error_of(tiny_tensors(), tied), "accepted");
  tensors = tiny_tensors();
  tensors.erase("lm_head.weight");
  EXPECT_EQ(error_of(tensors, tied), "accepted");
  EXPECT_THAT(error_of(tensors), HasSubstr("\"lm_head.weight\" is missing"));
  tensors["other.lm_head.weight"] = {"F32", {1}, "abcd"};
  EXPECT_THAT(error_of(tensors, tied), HasSubstr("\"other.lm_head.weight\" is no part of"));
}

TEST(StoredWeights, TheFirstNanOrInfinityIsNamed) {
  const float inf = std::numeric_limits<float>::infinity();
  TensorMap tensors = tiny_tensors();
  set_float(tensors["model.layers.1.mlp.down_proj.weight"], 23, NAN);
  EXPECT_THAT(error_of(tensors), HasSubstr("\"model.layers.1.mlp.down_proj.weight\" holds NaN at [2,3]"));
  set_float(tensors["model.layers.0.self_attn.k_norm.weight"], 3, -inf);
  EXPECT_THAT(error_of(tensors), HasSubstr("k_norm.weight\" holds an infinite value at [3]"));

  tensors = tiny_tensors();
  tensors["model.norm.weight"] = as_dtype("BF16", {6}, {0, 0, 0, 0, 0, 0x7FC0});
  EXPECT_THAT(error_of(tensors), HasSubstr("\"model.norm.weight\" holds NaN at [5]"));
  tensors["model.norm.weight"] = as_dtype("F16", {6}, {0, 0xFC00, 0, 0, 0, 0});
  EXPECT_THAT(error_of(tensors), HasSubstr("\"model.norm.weight\" holds an infinite value at [1]"));
}

TEST(RandomWeights, AnyRowAloneEqualsItsPlaceInTheWhole) {
  const auto source = make_random_weights(parse_config(tiny_config(), "").value(), 7);
  const std::vector<float> whole = source->read("layers.*.down_proj", 1).value();
  std::vector<float> row(10);
  for (std::int64_t i = 0; i < 6; ++i) {
    ASSERT_TRUE(source->read_rows("layers.*.down_proj", 1, i, 1, row.data()));
    for (std::size_t c = 0; c < 10; ++c) {
      EXPECT_EQ(row[c], whole[static_cast<std::size_t>(i) * 10 + c]);
      EXPECT_EQ(round_to_bf16(row[c]), row[c]) << "bf16 holds it";
    }
  }
}

TEST(RandomWeights, DifferByNameLayerAndSeedAndRepeatOtherwise) {
  const ModelConfig config = parse_config(tiny_config(), "").value();
  const auto a = make_random_weights(config, 1);
  EXPECT_EQ(a->read("layers.*.k_proj", 0).value(), make_random_weights(config, 1)->read("layers.*.k_proj", 0).value());
  EXPECT_NE(a->read("layers.*.k_proj", 0).value(), a->read("layers.*.k_proj", 1).value());
  EXPECT_NE(a->read("layers.*.k_proj", 0).value(), a->read("layers.*.v_proj", 0).value());
  EXPECT_NE(a->read("layers.*.k_proj", 0).value(), make_random_weights(config, 2)->read("layers.*.k_proj", 0).value());
  EXPECT_TRUE(a->random());
}

TEST(RandomWeights, AreBellShapedAndNormsAroundOne) {
  const auto source = make_random_weights(*find_builtin("qwen3-0.6b"), 1);
  const auto moments = [&](const char* name) {
    const std::vector<float> values = source->read(name, 3).value();
    double sum = 0, squares = 0, lagged = 0;
    for (const float v : values) sum += v;
    const double mean = sum / static_cast<double>(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      squares += (values[i] - mean) * (values[i] - mean);
      if (i > 0) lagged += (values[i] - mean) * (values[i - 1] - mean);
    }
    return std::array{mean, std::sqrt(squares / static_cast<double>(values.size())), lagged / squares};
  };
  const auto [mean, deviation, correlation] = moments("layers.*.o_proj");
  EXPECT_NEAR(mean, 0, 1e-4);
  EXPECT_NEAR(deviation, 0.02, 1e-4);
  EXPECT_NEAR(correlation, 0, 0.005);
  const auto [norm_mean, norm_deviation, ignored] = moments("layers.*.input_norm");
  EXPECT_NEAR(norm_mean, 1, 0.02);
  EXPECT_NEAR(norm_deviation, 0.1, 0.01);
}

TEST(RandomWeights, BiasesAreAroundZero) {
  const std::vector<float> biases = make_random_weights(*find_builtin("qwen2.5-7b"), 1)->read("layers.*.q_bias", 3).value();
  double sum = 0, squares = 0;
  for (const float b : biases) {
    sum += b;
    squares += b * b;
  }
  EXPECT_NEAR(sum / static_cast<double>(biases.size()), 0, 0.01);
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(biases.size())), 0.1, 0.01);
}

}  // namespace
}  // namespace nntune::import
