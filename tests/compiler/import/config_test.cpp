#include "compiler/import/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "base/json.h"
#include "compiler/import/family.h"

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

/// meta-llama/Llama-3.2-1B, without what says nothing of the mathematics.
Json good_llama() {
  return Json::parse(
      R"({"architectures": ["LlamaForCausalLM"], "attention_bias": false, "head_dim": 64, "hidden_act": "silu",
    "hidden_size": 2048, "intermediate_size": 8192, "max_position_embeddings": 131072, "mlp_bias": false, "model_type": "llama",
    "num_attention_heads": 32, "num_hidden_layers": 16, "num_key_value_heads": 8, "pretraining_tp": 1, "rms_norm_eps": 1e-05,
    "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                     "original_max_position_embeddings": 8192, "rope_type": "llama3"},
    "rope_theta": 500000.0, "tie_word_embeddings": true, "vocab_size": 128256})");
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
  EXPECT_EQ(parse_config(json, "config.json")->rope, plain_rope(5e5, 128));
}

TEST(Config, ReadsLlamaWithTheWidthOfItsHeadsGivenOrNot) {
  Json json = good_llama();
  const auto config = parse_config(json, "config.json");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(*config, *find_builtin("llama-3.2-1b"));
  for (const bool null : {true, false}) {
    if (null) {
      json["head_dim"] = nullptr;
    } else {
      json.erase("head_dim");
    }
    EXPECT_EQ(parse_config(json, "config.json").value(), *config);
  }
  json["head_dim"] = 128;  // not hidden / heads
  EXPECT_EQ(parse_config(json, "config.json")->head_dim, 128);
  json.erase("head_dim");
  json["num_attention_heads"] = 24;
  EXPECT_THAT(parse_config(json, "config.json").error().what,
              HasSubstr("\"hidden_size\" is 2048, must be a multiple of num_attention_heads, 24"));
}

/// Qwen/Qwen2.5-7B-Instruct: a window that is not used, no width of a head.
Json good_qwen2() {
  return Json::parse(
      R"({"architectures": ["Qwen2ForCausalLM"], "hidden_act": "silu", "hidden_size": 3584, "intermediate_size": 18944,
    "max_position_embeddings": 32768, "max_window_layers": 28, "model_type": "qwen2", "num_attention_heads": 28,
    "num_hidden_layers": 28, "num_key_value_heads": 4, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "sliding_window": 131072,
    "tie_word_embeddings": false, "use_sliding_window": false, "vocab_size": 152064})");
}

TEST(Config, ReadsQwen2WithAWindowThatIsNotUsed) {
  Json json = good_qwen2();
  const auto config = parse_config(json, "config.json");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(*config, *find_builtin("qwen2.5-7b"));
  for (const char* field : {"use_sliding_window", "use_mrope", "attention_bias"}) {
    json = good_qwen2();
    json[field] = true;
    EXPECT_THAT(parse_config(json, "config.json").error().what, HasSubstr(std::string("\"") + field + "\" is true"));
  }
  json = good_qwen2();
  json["rope_scaling"] = {{"type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 32768}};
  EXPECT_THAT(parse_config(json, "config.json").error().what, HasSubstr("\"type\" is \"yarn\""));
}

TEST(Config, TheFamilyIsKnownByEitherName) {
  for (const char* field : {"model_type", "architectures"}) {
    Json json = good_llama();
    json.erase(field);
    const auto config = parse_config(json, "config.json");
    ASSERT_TRUE(config) << config.error().message();
    EXPECT_EQ(config->family, find_family("llama"));
  }
  Json json = good_llama();
  json["model_type"] = "qwen3";  // they contradict each other
  EXPECT_EQ(parse_config(json, "config.json").error().kind, ErrorKind::unsupported);
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

TEST(Config, LlamaWithBiasesIsUnsupported) {
  for (const char* field : {"attention_bias", "mlp_bias"}) {
    Json json = good_llama();
    json[field] = true;
    const auto config = parse_config(json, "config.json");
    ASSERT_FALSE(config) << field;
    EXPECT_EQ(config.error().message(),
              fmt::format("config.json: \"{}\" is true, which changes the mathematics and is not implemented; use a model "
                          "without it",
                          field));
  }
}

TEST(Config, OtherArchitecturesAreUnsupported) {
  EXPECT_THAT(refusal(R"({"model_type": "qwen3_moe"})").message(),
              HasSubstr("\"qwen3_moe\", a mixture of experts; only dense Qwen3"));
  EXPECT_EQ(refusal(R"({"model_type": "gpt2"})").kind, ErrorKind::unsupported);
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

TEST(Builtin, ParameterCountsAreThePublishedOnes) {
  const auto billions = [](const char* name) { return static_cast<double>(parameter_count(*find_builtin(name))) / 1e9; };
  EXPECT_NEAR(billions("qwen3-0.6b"), 0.596, 0.001);
  EXPECT_NEAR(billions("qwen3-1.7b"), 1.721, 0.001);
  EXPECT_NEAR(billions("qwen3-4b"), 4.022, 0.001);
  EXPECT_NEAR(billions("qwen3-8b"), 8.191, 0.001);
  EXPECT_NEAR(billions("qwen3-14b"), 14.768, 0.001);
  EXPECT_NEAR(billions("qwen3-32b"), 32.762, 0.001);
  EXPECT_NEAR(billions("llama-3.2-1b"), 1.236, 0.001);
  EXPECT_NEAR(billions("llama-3.2-3b"), 3.213, 0.001);
  EXPECT_NEAR(billions("llama-3.1-8b"), 8.030, 0.001);
  EXPECT_NEAR(billions("qwen2.5-0.5b"), 0.494, 0.001);
  EXPECT_NEAR(billions("qwen2.5-1.5b"), 1.544, 0.001);
  EXPECT_NEAR(billions("qwen2.5-3b"), 3.086, 0.001);
  EXPECT_NEAR(billions("qwen2.5-7b"), 7.616, 0.001);
  EXPECT_NEAR(billions("qwen2.5-14b"), 14.770, 0.001);
  EXPECT_NEAR(billions("qwen2.5-32b"), 32.764, 0.001);
  EXPECT_FALSE(find_builtin("qwen3-9b"));
}

}  // namespace
}  // namespace nntune::import
