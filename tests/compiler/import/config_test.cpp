#include "compiler/import/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/import/builtin.h"

namespace nntune::import {
namespace {

using testing::HasSubstr;

Json good() {
  return Json::parse(
      R"({"architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "head_dim": 128, "hidden_act": "silu",
    "hidden_size": 1024, "intermediate_size": 3072, "max_position_embeddings": 40960, "max_window_layers": 28,
    "model_type": "qwen3", "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 8, "rms_norm_eps": 1e-06,
    "rope_scaling": null, "rope_theta": 1000000, "sliding_window": null, "tie_word_embeddings": true,
    "use_sliding_window": false, "vocab_size": 151936})");
}

/// The error when the fields of `patch` replace those of a good config; a field "-" is removed.
Error refusal(const char* patch) {
  Json json = good();
  const Json changes = Json::parse(patch);
  for (const auto& [field, value] : changes.items()) {
    if (value == "-") {
      json.erase(field);
    } else {
      json[field] = value;
    }
  }
  const auto config = parse_config(json, "config.json");
  return config ? Error{ErrorKind::internal, "accepted", ""} : config.error();
}

TEST(Config, ReadsThePublishedShape) {
  const auto config = parse_config(good(), "config.json");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(*config, *find_builtin("qwen3-0.6b"));
}

TEST(Config, ReadsTheFormOfTransformers5) {
  Json json = good();
  json.erase("rope_theta");
  json["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 5e5}};
  json["layer_types"] = std::vector<std::string>(28, "full_attention");
  EXPECT_EQ(parse_config(json, "config.json")->rope_theta, 5e5);
}

TEST(Config, EachMissingFieldIsNamed) {
  for (const char* field : {"hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
                            "intermediate_size", "vocab_size", "max_position_embeddings", "rms_norm_eps", "rope_theta"}) {
    Json json = good();
    json.erase(field);
    const auto config = parse_config(json, "c.json");
    ASSERT_FALSE(config) << field;
    EXPECT_EQ(config.error().kind, ErrorKind::bad_input);
    EXPECT_THAT(config.error().what, HasSubstr(std::string("c.json has no field \"") + field)) << field;
  }
  EXPECT_THAT(refusal(R"({"model_type": "-", "architectures": "-"})").what, HasSubstr("no field \"model_type\""));
}

TEST(Config, FieldsThatChangeTheMathematicsAreUnsupported) {
  for (const char* patch :
       {R"({"rope_scaling": {"type": "yarn", "factor": 4}})", R"({"quantization_config": {"bits": 4}})",
        R"({"use_sliding_window": true})", R"({"attention_bias": true})", R"({"hidden_act": "gelu"})",
        R"({"num_experts": 32})", R"({"partial_rotary_factor": 0.5})", R"({"layer_types": ["sliding_attention"]})",
        R"({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e6}})", R"({"mlp_bias": true})"}) {
    const Error error = refusal(patch);
    EXPECT_EQ(error.kind, ErrorKind::unsupported) << patch;
    EXPECT_THAT(error.what, HasSubstr("not implemented")) << patch;
  }
}

TEST(Config, OtherArchitecturesAreUnsupported) {
  EXPECT_THAT(refusal(R"({"model_type": "qwen3_moe"})").message(),
              HasSubstr("\"qwen3_moe\", a mixture of experts; only dense Qwen3"));
  EXPECT_EQ(refusal(R"({"model_type": "llama"})").kind, ErrorKind::unsupported);
  EXPECT_EQ(refusal(R"({"architectures": ["Qwen3MoeForCausalLM"]})").kind, ErrorKind::unsupported);
  EXPECT_EQ(refusal(R"({"architectures": []})").kind, ErrorKind::bad_input);
}

TEST(Config, WrongTypesAndImpossibleNumbersNameTheField) {
  for (const auto& [patch, message] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"({"hidden_size": "1024"})", "\"hidden_size\" is \"1024\", must be a number"},
           {R"({"hidden_size": 0})", "\"hidden_size\" is 0, must be 1 to"},
           {R"({"hidden_size": -5})", "\"hidden_size\" is -5"},
           {R"({"hidden_size": 1e300})", "\"hidden_size\" is 1e+300"},
           {R"({"hidden_size": 10.5})", "must be a whole number"},
           {R"({"num_hidden_layers": [28]})", "\"num_hidden_layers\" is a list, must be a number"},
           {R"({"num_hidden_layers": 1000000})", "\"num_hidden_layers\" is 1000000"},
           {R"({"head_dim": 127})", "\"head_dim\" is 127, must be even"},
           {R"({"num_attention_heads": 15})", "must be a multiple of num_key_value_heads, 8"},
           {R"({"vocab_size": 99999999999})", "\"vocab_size\" is 99999999999"},
           {R"({"rms_norm_eps": 0})", "\"rms_norm_eps\" is 0"},
           {R"({"rms_norm_eps": true})", "must be a number"},
           {R"({"rope_theta": -1})", "\"rope_theta\" is -1"},
           {R"({"rope_parameters": 7})", "must be an object"},
           {R"({"rope_parameters": {"rope_theta": "x"}})", "\"rope_theta\" is \"x\""},
           {R"({"tie_word_embeddings": "yes"})", "must be true or false"},
           {R"({"hidden_act": 1})", "must be a string"},
           {R"({"layer_types": 1})", "must be a list"}}) {
    const Error error = refusal(patch);
    EXPECT_EQ(error.kind, ErrorKind::bad_input) << patch;
    EXPECT_THAT(error.what, HasSubstr(message)) << patch;
  }
  EXPECT_FALSE(parse_config(Json::parse("[]"), "config.json"));
}

TEST(Config, ValuesNestedWithoutEndAreRefusedAndNotDumped) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  Json json = good();
  json["hidden_size"] = Json::parse(deep);
  EXPECT_THAT(parse_config(json, "config.json").error().what, HasSubstr("\"hidden_size\" is a list"));
}

TEST(Config, RopeTableRotatesByPositionTimesFrequency) {
  ModelConfig config = *find_builtin("qwen3-0.6b");
  const std::vector<float> table = rope_table(config, 3);
  EXPECT_EQ(table.size(), 3U * 128);
  EXPECT_EQ(table[0], 1.0F);
  EXPECT_EQ(table[64], 0.0F);
  EXPECT_FLOAT_EQ(table[2 * 128], std::cos(2.0F));
  EXPECT_FLOAT_EQ(table[2 * 128 + 64], std::sin(2.0F));
  EXPECT_NEAR(table[128 + 64 + 63], std::sin(std::pow(1e6, -126.0 / 128)), 1e-9);
}

TEST(Builtin, ParameterCountsAreThePublishedOnes) {
  const auto billions = [](const char* name) { return static_cast<double>(parameter_count(*find_builtin(name))) / 1e9; };
  EXPECT_NEAR(billions("qwen3-0.6b"), 0.596, 0.001);
  EXPECT_NEAR(billions("qwen3-1.7b"), 1.721, 0.001);
  EXPECT_NEAR(billions("qwen3-4b"), 4.022, 0.001);
  EXPECT_NEAR(billions("qwen3-8b"), 8.191, 0.001);
  EXPECT_NEAR(billions("qwen3-14b"), 14.768, 0.001);
  EXPECT_NEAR(billions("qwen3-32b"), 32.762, 0.001);
  EXPECT_FALSE(find_builtin("qwen3-9b"));
}

}  // namespace
}  // namespace nntune::import
