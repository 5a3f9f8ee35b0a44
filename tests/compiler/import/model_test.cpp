#include "compiler/import/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "compiler/tokenizer/byte_alphabet.h"
#include "tests/compiler/import/tiny_folder.h"

namespace nntune::import {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string error_of(const std::string& name, const std::optional<std::filesystem::path>& weights = std::nullopt) {
  const auto model = load_model(name, weights);
  return model ? "accepted" : model.error().message();
}

TEST(LoadModel, ABuiltinNameHasRandomWeights) {
  const auto model = load_model("qwen3-32b");
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ(model->config.layers, 64);
  EXPECT_TRUE(model->weights->random());
  EXPECT_EQ(model->tokenizer_json, "");
}

/// The least that Qwen3's tokenizer can be: a token for each byte, no merges.
std::string least_tokenizer() {
  Json json = Json::parse(R"({
    "normalizer": {"type": "NFC"},
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": false},
      {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}]},
    "decoder": {"type": "ByteLevel"},
    "added_tokens": [],
    "model": {"type": "BPE", "vocab": {}, "merges": []}
  })");
  for (int byte = 0; byte < 256; ++byte) {
    json["model"]["vocab"][tokenizer::bytes_to_alphabet(std::string(1, static_cast<char>(byte)))] = byte;
  }
  return json.dump();
}

TEST(LoadModel, AFolderHasItsOwnWeightsTokenizerAndEndTokens) {
  const TemporaryFolder folder;
  write_tiny_model(folder);
  EXPECT_THAT(load_model(folder.path().string())->eos_ids, ElementsAre(3));
  folder.write("generation_config.json", R"({"eos_token_id": [5, 7]})");
  folder.write("tokenizer.json", least_tokenizer());
  const auto model = load_model(folder.path().string() + "/");
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ(model->name, folder.path().filename().string());
  EXPECT_EQ(model->config.hidden, 6);
  EXPECT_FALSE(model->weights->random());
  EXPECT_EQ(model->tokenizer_json, least_tokenizer());
  EXPECT_THAT(model->eos_ids, ElementsAre(5, 7));
}

TEST(LoadModel, AnUnknownNameListsTheKnownOnes) {
  EXPECT_THAT(error_of("qwen3-9b"),
              HasSubstr("there is no model or folder \"qwen3-9b\"; give one of qwen3-0.6b, qwen3-1.7b"));
}

TEST(LoadModel, ABrokenTokenizerIsNamed) {
  const TemporaryFolder folder;
  write_tiny_model(folder);
  folder.write("tokenizer.json", "{}");
  EXPECT_THAT(error_of(folder.path().string()), HasSubstr("tokenizer.json"));
}

TEST(LoadModel, BrokenFoldersAreRefused) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of(folder.path().string()), HasSubstr("has no config.json"));
  folder.write("config.json", "{\"model_type\": ");
  EXPECT_THAT(error_of(folder.path().string()), HasSubstr("config.json is not valid JSON"));
  folder.write("config.json", tiny_config().dump());
  EXPECT_THAT(error_of(folder.path().string()), HasSubstr("neither model.safetensors nor"));
  EXPECT_THAT(error_of((folder.path() / "config.json").string()), HasSubstr("is not a folder"));
  write_tiny_model(folder);
  folder.write("generation_config.json", R"({"eos_token_id": [5, 11]})");
  EXPECT_THAT(error_of(folder.path().string()), HasSubstr("\"eos_token_id\" is not a token below 11"));
  folder.write("generation_config.json", R"({"eos_token_id": "x"})");
  EXPECT_THAT(error_of(folder.path().string()), HasSubstr("\"eos_token_id\" is not a token"));
}

TEST(LoadModel, EndTokensNestedWithoutEndAreRefused) {
  const TemporaryFolder folder;
  write_tiny_model(folder);
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  folder.write("generation_config.json", "{\"eos_token_id\": " + deep + "}");
  EXPECT_THAT(error_of(folder.path().string()), HasSubstr("\"eos_token_id\" is not a token"));
}

TEST(LoadModel, ValuesAreCheckedUnlessOnlyShapesAreAskedFor) {
  const TemporaryFolder folder;
  write_tiny_model(folder);
  TensorMap tensors = tiny_tensors();
  tensors["lm_head.weight"].bytes.replace(0, 4, std::string("\0\0\xc0\x7f", 4));
  folder.write("model.safetensors", safetensors_bytes(tensors));
  EXPECT_THAT(error_of(folder.path().string()), HasSubstr("\"lm_head.weight\" holds NaN at [0,0]"));
  EXPECT_TRUE(load_model(folder.path().string(), std::nullopt, Check::shapes));
}

TEST(LoadModel, WeightsOfAnotherModelAreRefused) {
  const TemporaryFolder folder;
  write_tiny_model(folder);
  EXPECT_THAT(error_of("qwen3-0.6b", folder.path()), HasSubstr("are of another model than qwen3-0.6b"));
  std::filesystem::remove(folder.path() / "config.json");
  EXPECT_THAT(error_of("qwen3-0.6b", folder.path()), HasSubstr("must be [151936,1024]"));
  EXPECT_THAT(error_of("qwen3-0.6b", "/nonexistent"), HasSubstr("/nonexistent is not a folder"));
}

TEST(LoadModel, AFolderMayTakeWeightsOfAnother) {
  const TemporaryFolder shapes;
  shapes.write("config.json", tiny_config().dump());
  const TemporaryFolder weights;
  write_tiny_model(weights);
  const auto model = load_model(shapes.path().string(), weights.path());
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_FALSE(model->weights->random());
  EXPECT_EQ(model->config, parse_config(tiny_config(), "config.json").value());

  // Revisions of one model differ in these: those of the weights count.
  Json revision = tiny_config();
  revision["rms_norm_eps"] = 1e-5;
  revision["max_position_embeddings"] = 32;
  weights.write("config.json", revision.dump());
  const auto revised = load_model(shapes.path().string(), weights.path());
  ASSERT_TRUE(revised) << revised.error().message();
  EXPECT_EQ(revised->config.rms_eps, 1e-5);
  EXPECT_EQ(revised->config.max_positions, 32);

  Json other = tiny_config();
  other["rope_theta"] = 5e5;
  weights.write("config.json", other.dump());
  EXPECT_THAT(error_of(shapes.path().string(), weights.path()), HasSubstr("are of another model"));
}

}  // namespace
}  // namespace nntune::import
