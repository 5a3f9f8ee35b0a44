#include "compiler/module/model_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "compiler/import/family.h"
#include "compiler/kernels/family.h"
#include "tests/compiler/extract/simple_costs.h"

namespace nntune::module {
namespace {

using testing::HasSubstr;

auto small_model() -> import::ModelConfig {
  return {.family = import::find_family("qwen3"),
          .hidden = 256,
          .layers = 2,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 64,
          .intermediate = 512,
          .vocab = 1024,
          .max_positions = 1024,
          .rope = import::plain_rope(1e6, 64),
          .tied = true};
}

constexpr int kThreads = 2;

/// Decode likes panels of 16 outputs so much, and prefill panels of 8, that storing a matrix twice pays.
class TwoLikings : public extract::CostModel {
 public:
  explicit TwoLikings(const Target& target) : target_(target) {
    simple_.adjust = [](const schedule::Workload& workload, double seconds) {
      if (workload.op().kind() != graph::OpKind::matmul) return seconds;
      const auto map = schedule::operand_map(workload.op());
      const double liked = workload.inputs[map.x].shape[0] == 1 ? 16 : 8;
      const graph::TensorType& w = workload.inputs[map.w];
      return w.packed() && w.lanes[0].count != liked ? 1 + seconds : seconds;
    };
  }
  [[nodiscard]] extract::Cost cost(const schedule::Workload& workload) const override {
    const auto family = kernels::find_family(workload);
    if (!family || !(*family)->refuse(workload, target_.isa).empty()) {
      return {.seconds = std::numeric_limits<double>::infinity()};
    }
    return simple_.cost(workload);
  }
  [[nodiscard]] Expected<schedule::Schedule> schedule(const schedule::Workload& workload) const override {
    return kernels::default_schedule(workload, target_);
  }

 private:
  Target target_;
  testing_models::SimpleCosts simple_;
};

/// How often the most copied matrix is stored.
int most_copies(const extract::Program& program) {
  std::map<std::string, int> copies;
  int most = 0;
  for (const extract::StoredWeight& weight : program.weights) {
    for (const graph::Node& node : weight.recipe.nodes()) {
      if (node.op.kind() == graph::OpKind::weight && node.type.rank() == 2)
        most = std::max(most, ++copies[node.op.leaf_name()]);
    }
  }
  return most;
}

class PlanModel : public testing::Test {
 protected:
  void SetUp() override {
    auto target = probe_target("avx2");
    ASSERT_TRUE(target) << target.error().message();
    target_ = *target;
  }
  [[nodiscard]] Expected<extract::Extraction> plan(const MemoryLimit& memory = {}) const {
    return plan_model(small_model(), graph::DType::f32, kThreads, target_.isa, TwoLikings(target_), {.memory = memory});
  }
  Target target_;
};

TEST_F(PlanModel, TooLittleMemoryForASecondLayoutTakesOne) {
  const auto twice = plan();
  ASSERT_TRUE(twice) << twice.error().message();
  EXPECT_EQ(most_copies(twice->program), 2);
  const extract::MemoryUse most = *twice->explanation.memory;
  EXPECT_GE(most.weights_bytes, twice->explanation.stored_bytes);

  const double limit_bytes = static_cast<double>(most.total_bytes()) - 0.25 * static_cast<double>(most.weights_bytes);
  const auto once = plan({.bytes = limit_bytes});
  ASSERT_TRUE(once) << once.error().message();
  const extract::MemoryUse less = *once->explanation.memory;
  EXPECT_LE(static_cast<double>(less.total_bytes()), limit_bytes);
  EXPECT_LT(less.weights_bytes, most.weights_bytes);
  EXPECT_GT(once->explanation.objective_seconds, twice->explanation.objective_seconds);
}

TEST_F(PlanModel, TheLimitIsOnAllOfItNotOnWeightsAlone) {
  const auto shorter = plan({.ctx = 1024});
  const auto longer = plan({.ctx = 2048});
  ASSERT_TRUE(shorter && longer);
  const extract::MemoryUse memory = *longer->explanation.memory;
  // 2 layers, keys and values, 2 heads of 64 f32, for 1024 tokens more.
  EXPECT_EQ(memory.kv_cache_bytes - shorter->explanation.memory->kv_cache_bytes, 2 * 2 * 2 * 64 * 4 * 1024);
  // The same limit that holds two layouts and a short cache holds one layout and a long one.
  const auto limit_bytes = static_cast<double>(shorter->explanation.memory->total_bytes());
  EXPECT_EQ(plan({.bytes = limit_bytes, .ctx = 1024})->explanation.memory->weights_bytes, memory.weights_bytes);
  EXPECT_LT(plan({.bytes = limit_bytes, .ctx = 2048})->explanation.memory->weights_bytes, memory.weights_bytes);
}

TEST_F(PlanModel, WhatTheSmallestProgramNeedsIsSaidAndIsEnough) {
  const auto none = plan({.bytes = 1e6});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::infeasible);
  EXPECT_THAT(none.error().what, HasSubstr("no program fits into 1.0 MB: the smallest found needs "));
  const std::string& what = none.error().what;
  const double needed_bytes = 1e6 * std::stod(what.substr(what.find("needs ") + 6));
  const auto smallest = plan({.bytes = needed_bytes});
  ASSERT_TRUE(smallest) << smallest.error().message();
  EXPECT_EQ(most_copies(smallest->program), 1);
  const extract::MemoryUse& memory = *smallest->explanation.memory;
  EXPECT_FALSE(plan({.bytes = static_cast<double>(memory.weights_bytes + memory.kv_cache_bytes)}));
}

TEST_F(PlanModel, ASoftLimitThatNothingFitsIsNone) {
  const auto unlimited = plan();
  const auto soft = plan({.bytes = 1e6, .hard = false});
  ASSERT_TRUE(unlimited && soft);
  EXPECT_EQ(soft->explanation.cost, unlimited->explanation.cost);
  EXPECT_EQ(soft->explanation.stored_bytes, unlimited->explanation.stored_bytes);
}

}  // namespace
}  // namespace nntune::module
