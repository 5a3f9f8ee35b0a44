#include "compiler/import/rope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"

namespace nntune::import {
namespace {

using testing::HasSubstr;

TEST(Rope, PlainFrequenciesFallFromOneRadianAPosition) {
  const Rope rope = plain_rope(1e6, 128);
  ASSERT_EQ(rope.frequencies.size(), 64U);
  EXPECT_EQ(rope.frequencies[0], 1);
  EXPECT_DOUBLE_EQ(rope.frequencies[32], 1e-3);
  EXPECT_DOUBLE_EQ(rope.frequencies[63], std::pow(1e6, -126.0 / 128));
  EXPECT_EQ(rope.attention_factor, 1);
}

// Llama-3.2-1B: theta 500000, heads of 64. Pair i turns once in 2 pi 500000^(i/32) positions: pair 14 in 1956.5 (less than
// 8192/4: stays), pairs 15 to 17 in 2948.3, 4442.9 and 6695.1 (blended), pair 18 in 10089 (more than 8192: 32 times slower).
TEST(Rope, Llama3KeepsShortWavesSlowsLongOnesAndBlendsBetween) {
  const Rope plain = plain_rope(5e5, 64);
  const Rope rope =
      llama3_rope(5e5, 64, {.factor = 32, .low_freq_factor = 1, .high_freq_factor = 4, .original_positions = 8192});
  ASSERT_EQ(rope.frequencies.size(), 32U);
  for (std::size_t i = 0; i <= 14; ++i) EXPECT_EQ(rope.frequencies[i], plain.frequencies[i]) << i;
  for (std::size_t i = 18; i < 32; ++i) EXPECT_EQ(rope.frequencies[i], plain.frequencies[i] / 32) << i;
  // Worked out apart, by the formula of transformers.
  EXPECT_NEAR(rope.frequencies[15], 1.29054792821e-3, 1e-14);
  EXPECT_NEAR(rope.frequencies[16], 4.29556796559e-4, 1e-15);
  EXPECT_NEAR(rope.frequencies[17], 9.70828780263e-5, 1e-16);
  EXPECT_NEAR(rope.frequencies[31], 9.41830672543e-8, 1e-19);
  EXPECT_EQ(rope.attention_factor, 1);
}

// Pair 16 of that model: 8192 / 4442.88 = 1.84385 turns in the original context, (1.84385 - 1) / (4 - 1) = 0.281283 of the
// frequency stays and the rest is divided by 32: 1.414214e-3 * (0.281283 + 0.718717 / 32).
TEST(Rope, TheBlendIsLinearInTheTurns) {
  const Rope rope =
      llama3_rope(5e5, 64, {.factor = 32, .low_freq_factor = 1, .high_freq_factor = 4, .original_positions = 8192});
  EXPECT_NEAR(rope.frequencies[16], 1.414214e-3 * (0.281283 + 0.718717 / 32), 1e-9);
}

Expected<Rope> read(const char* json, std::int64_t head_dim = 64) {
  const Json parsed = Json::parse(json);
  return read_rope(ConfigFields(parsed, "config.json"), head_dim);
}

TEST(Rope, BothSpellingsOfASettingAreRead) {
  const Rope expected =
      llama3_rope(5e5, 64, {.factor = 8, .low_freq_factor = 1, .high_freq_factor = 4, .original_positions = 8192});
  for (const char* json :
       {R"({"rope_theta": 500000, "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1,
            "high_freq_factor": 4, "original_max_position_embeddings": 8192}})",
        R"({"rope_theta": 500000, "rope_scaling": {"type": "llama3", "factor": 8, "low_freq_factor": 1,
            "high_freq_factor": 4, "original_max_position_embeddings": 8192}})",
        R"({"rope_theta": 7, "rope_parameters": {"rope_type": "llama3", "rope_theta": 500000, "factor": 8,
            "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 8192}})"}) {
    const auto rope = read(json);
    ASSERT_TRUE(rope) << rope.error().message();
    EXPECT_EQ(*rope, expected) << json;
  }
  for (const char* json : {R"({"rope_theta": 10000})", R"({"rope_theta": 10000, "rope_scaling": null})",
                           R"({"rope_theta": 10000, "rope_scaling": {"rope_type": "default"}})",
                           R"({"rope_parameters": {"rope_theta": 10000}})",
                           R"({"rope_theta": 10000, "rope_parameters": {"rope_type": "default"}})"}) {
    const auto rope = read(json);
    ASSERT_TRUE(rope) << rope.error().message();
    EXPECT_EQ(*rope, plain_rope(1e4, 64)) << json;
  }
}

TEST(Rope, OtherScalingsAreRefusedByName) {
  for (const auto& [json, named] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"({"rope_theta": 1e4, "rope_scaling": {"type": "linear", "factor": 2}})",
            "\"rope_scaling\" of config.json: \"type\" is \"linear\""},
           {R"({"rope_theta": 1e4, "rope_scaling": {"rope_type": "dynamic", "factor": 2}})", "\"rope_type\" is \"dynamic\""},
           {R"({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}})", "\"rope_type\" is \"yarn\""},
           {R"({"rope_theta": 1e4, "rope_scaling": {"type": "default", "mrope_section": [16, 24, 24]}})",
            "\"mrope_section\" is a list"},
           {R"({"rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.5}})", "\"partial_rotary_factor\" is 0.5"},
       }) {
    const auto rope = read(json);
    ASSERT_FALSE(rope) << json;
    EXPECT_EQ(rope.error().kind, ErrorKind::unsupported) << json;
    EXPECT_THAT(rope.error().what, HasSubstr(named));
    EXPECT_THAT(rope.error().what, HasSubstr("not implemented"));
  }
}

TEST(Rope, ImpossibleSettingsNameTheField) {
  const auto llama3 = [](const char* field, const char* value) {
    Json scaling = Json::parse(R"({"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
                                   "original_max_position_embeddings": 8192})");
    scaling[field] = Json::parse(value);
    const Json config = {{"rope_theta", 5e5}, {"rope_scaling", scaling}};
    const auto rope = read_rope(ConfigFields(config, "config.json"), 64);
    return rope ? Error{ErrorKind::internal, "accepted", ""} : rope.error();
  };
  for (const auto& [field, value, message] : std::initializer_list<std::tuple<const char*, const char*, const char*>>{
           {"factor", "0.5", "\"factor\" is 0.5, must be between 1 and"},
           {"factor", "\"8\"", "\"factor\" is \"8\", must be a number"},
           {"factor", "null", "\"rope_scaling\" of config.json has no field \"factor\""},
           {"low_freq_factor", "0", "\"low_freq_factor\" is 0, must be above 0"},
           {"high_freq_factor", "1", "\"high_freq_factor\" is 1, must be above low_freq_factor, 1"},
           {"original_max_position_embeddings", "0", "\"original_max_position_embeddings\" is 0"}}) {
    const Error error = llama3(field, value);
    EXPECT_EQ(error.kind, ErrorKind::bad_input) << field;
    EXPECT_THAT(error.what, HasSubstr(message));
  }
  EXPECT_THAT(read(R"({"rope_theta": 1e4, "rope_scaling": {"factor": 2}})").error().what,
              HasSubstr("no field \"rope_type\""));
  EXPECT_THAT(read(R"({"rope_scaling": {}, "rope_parameters": {}, "rope_theta": 1e4})").error().what,
              HasSubstr("must not stand beside \"rope_parameters\""));
  EXPECT_THAT(read(R"({"rope_theta": 1e4, "rope_scaling": 7})").error().what, HasSubstr("must be an object"));
}

}  // namespace
}  // namespace nntune::import
