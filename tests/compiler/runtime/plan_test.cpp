#include "compiler/runtime/plan.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "base/json.h"
#include "tests/compiler/runtime/tiny_module.h"

namespace nntune::runtime {
namespace {

constexpr std::uint64_t kCodeBytes = 6 * 64;

Expected<Plan> read(const Json& json) { return Plan::from_json(json, kCodeBytes, testing::kWeightBytes); }

TEST(Plan, IsTheSameAfterWritingAndReading) {
  const Json json = testing::tiny_plan().to_json();
  const auto plan = read(json);
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_EQ(plan->to_json(), json);
}

TEST(Plan, NamesWhatWasAllowedIfAnythingWas) {
  Plan plan = testing::tiny_plan();
  EXPECT_FALSE(plan.to_json().contains("allowed"));
  plan.allowed = {"weight-rounding"};
  const auto again = read(plan.to_json());
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->allowed, plan.allowed);
}

TEST(Plan, WeightsOfLayersAndExpertsAndSharedStatesAreWrittenAndRead) {
  Plan plan = testing::tiny_plan();
  // [layer][expert] of 16 bytes, and a latent of one row a token that all layers share.
  plan.weights[0].indices.push_back({.kind = WeightIndex::Kind::expert, .count = 4, .distance = 16});
  plan.states.push_back({.type = "i8/32[?,32]", .rows = 1, .row_bytes = 36, .layers = 1});
  // A body of the first layer and one of the two others.
  for (Phase& phase : plan.phases) {
    Section others = phase.sections[1];
    phase.sections[1].repeat = 1;
    others.name = "others";
    others.repeat = 2;
    others.steps[0].operands[1].first = others.steps[0].operands[2].first = others.steps[1].operands[0].first = 1;
    others.steps[2].operands[2].first = 1;
    phase.sections.insert(phase.sections.begin() + 2, others);
  }
  const auto again = read(plan.to_json());
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->to_json(), plan.to_json());
  EXPECT_EQ(again->weights[0].index(WeightIndex::Kind::expert).count, 4);
  EXPECT_EQ(again->weights[0].index(WeightIndex::Kind::layer).distance, 64U);
  EXPECT_EQ(again->states[1].row_bytes, 36);
  EXPECT_EQ(again->phases[1].sections[2].steps[2].operands[2].first, 1);
}

TEST(Plan, EveryMissingFieldIsAnError) {
  // Removes each field of the whole tree in turn.
  const Json json = testing::tiny_plan().to_json();
  const Json flat = json.flatten();
  int removed = 0;
  for (const auto& [path, value] : flat.items()) {
    for (Json::json_pointer at(path); !at.empty(); at = at.parent_pointer()) {
      if (json.at(at.parent_pointer()).is_array()) continue;
      Json broken = json;
      broken.at(at.parent_pointer()).erase(at.back());
      const auto plan = read(broken);
      EXPECT_FALSE(plan) << "without " << at.to_string();
      ++removed;
    }
  }
  EXPECT_GT(removed, 100);
}

TEST(Plan, FieldsOfAnotherTypeAreAnError) {
  const Json json = testing::tiny_plan().to_json();
  const Json flat = json.flatten();
  for (const auto& [path, value] : flat.items()) {
    Json broken = flat;
    broken[path] = value.is_string() ? Json(7) : Json("x");
    EXPECT_FALSE(read(broken.unflatten())) << path;
  }
}

TEST(Plan, NothingMayPointOutside) {
  const std::vector<std::pair<const char*, std::function<void(Plan&)>>> cases = {
      {"code", [](Plan& p) { p.kernels[5].image_bytes = 65; }},
      {"code offset", [](Plan& p) { p.kernels[0].image_offset = ~std::uint64_t{0}; }},
      {"entry", [](Plan& p) { p.kernels[2].entry = 64; }},
      {"scratch", [](Plan& p) { p.kernels[2].scratch_bytes = -1; }},
      {"weight offset", [](Plan& p) { p.weights[0].offset = 100; }},
      {"weight bytes", [](Plan& p) { p.weights[0].bytes = ~std::uint64_t{0}; }},
      {"weight distance", [](Plan& p) { p.weights[0].indices[0].distance = std::uint64_t{1} << 62; }},
      {"weight layers", [](Plan& p) { p.weights[0].indices[0].count = 0; }},
      {"more layers than the model", [](Plan& p) { p.weights[0].indices[0] = {.count = 4, .distance = 16}; }},
      {"weight of other layers", [](Plan& p) { p.weights[0].indices[0].count = 2; }},
      {"weight from a later layer", [](Plan& p) { p.phases[1].sections[1].steps[2].operands[2].first = 1; }},
      {"weight from an earlier layer", [](Plan& p) { p.phases[1].sections[1].steps[2].operands[2].first = -1; }},
      {"an index twice", [](Plan& p) { p.weights[0].indices.push_back({.count = 1}); }},
      {"experts outside",
       [](Plan& p) { p.weights[0].indices.push_back({.kind = WeightIndex::Kind::expert, .count = 2, .distance = 64}); }},
      {"state", [](Plan& p) { p.phases[0].sections[1].steps[0].operands[1].index = 1; }},
      {"state of other layers", [](Plan& p) { p.states[0].layers = 2; }},
      {"state from a later layer", [](Plan& p) { p.phases[0].sections[1].steps[0].operands[1].first = 1; }},
      {"state rows", [](Plan& p) { p.states[0].rows = 0; }},
      {"huge state", [](Plan& p) { p.states[0].row_bytes = std::int64_t{1} << 40; }},
      {"too many states", [](Plan& p) { p.states.resize(65, p.states[0]); }},
      {"layer of a buffer", [](Plan& p) { p.phases[1].sections[1].steps[1].operands[1].first = 1; }},
      {"kernel", [](Plan& p) { p.phases[0].sections[1].steps[0].kernel = 6; }},
      {"operands", [](Plan& p) { p.phases[0].sections[1].steps[0].operands.resize(1); }},
      {"buffer", [](Plan& p) { p.phases[1].sections[1].steps[1].operands[1].index = 2; }},
      {"weight index", [](Plan& p) { p.phases[1].sections[1].steps[2].operands[2].index = 1; }},
      {"view", [](Plan& p) { p.phases[1].sections[1].steps[1].operands[1].column = 4; }},
      {"view of a state", [](Plan& p) { p.phases[1].sections[1].steps[1].operands[0].column = 1; }},
      {"written constant", [](Plan& p) { p.phases[1].sections[1].steps[1].operands.back().kind = Operand::Kind::rope; }},
      {"small output", [](Plan& p) { p.phases[1].sections[0].buffers[0].bytes = 60; }},
      {"wide row", [](Plan& p) { p.phases[1].sections[0].buffers[0].stride = 1 << 20; }},
      {"two outputs",
       [](Plan& p) {
         p.phases[1].sections[1].outputs.push_back({Operand::Kind::buffer, 0});
       }},
      {"small logits", [](Plan& p) { p.phases[0].sections[2].buffers[0].bytes = 63; }},
      {"no argmax", [](Plan& p) { p.phases[0].sections[2].outputs.pop_back(); }},
      {"repeat", [](Plan& p) { p.phases[0].sections[1].repeat = 4; }},
      {"no phases", [](Plan& p) { p.phases.clear(); }},
      {"no decode", [](Plan& p) { p.phases.erase(p.phases.begin()); }},
      {"order", [](Plan& p) { p.phases[1].rows = 1; }},
      {"huge rows", [](Plan& p) { p.phases[1].rows = std::int64_t{1} << 60; }},
      {"vocab", [](Plan& p) { p.model.vocab = 0; }},
      {"odd head", [](Plan& p) { p.model.head_dim = 3; }},
      {"no frequencies", [](Plan& p) { p.model.rope.frequencies.clear(); }},
      {"frequency", [](Plan& p) { p.model.rope.frequencies[0] = -1; }},
      {"attention factor", [](Plan& p) { p.model.rope.attention_factor = std::numeric_limits<double>::infinity(); }},
  };
  for (const auto& [name, damage] : cases) {
    Plan plan = testing::tiny_plan();
    damage(plan);
    const auto result = plan.validate(kCodeBytes, testing::kWeightBytes);
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().kind, ErrorKind::bad_input) << name;
    EXPECT_TRUE(result.error().message().ends_with("; compile the model again")) << result.error().message();
  }
}

}  // namespace
}  // namespace nntune::runtime
