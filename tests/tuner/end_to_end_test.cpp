#include "tuner/end_to_end.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "compiler/module/model_program.h"
#include "cost_model/estimate_cost.h"
#include "tests/support/shared_data.h"

namespace nntune::tuner {
namespace {

constexpr double kClose = 1e-12;

TEST(DuelMiddle, OfOnePairIsThePair) {
  const auto [first, second] = Duel::middle({{{{2.0, 3.0}}, {}}});
  EXPECT_NEAR(first, 2, kClose);
  EXPECT_NEAR(second, 3, kClose);
}

TEST(DuelMiddle, KeepsTheRatioWhenTheMachineChangesItsSpeed) {
  // The second is 10 % faster in every pair, and the machine twice as slow in half of them. Medians of each alone could take
  // the first from one mode and the second from the other.
  Duel::Pairs pairs;
  for (int i = 0; i < 7; ++i) {
    const double mode = i % 2 == 0 ? 1 : 2;
    pairs.emplace_back(mode, mode * 0.9);
  }
  const auto [first, second] = Duel::middle({pairs, {}});
  EXPECT_NEAR(second / first, 0.9, kClose);
  EXPECT_NEAR(first, 1, kClose);
}

TEST(DuelMiddle, IsNotMovedByAStall) {
  const auto [first, second] = Duel::middle({{{{1, 2}, {1, 2}, {50, 2}, {1, 2}, {1, 90}}, {}}});
  EXPECT_NEAR(first, 1, kClose);
  EXPECT_NEAR(second, 2, kClose);
}

TEST(DuelMiddle, WhatThePagesDoIsNotLeft) {
  // Whoever has the first one's pages is 10 % slower, and the second 3 % faster in the same.
  const Duel::Pairs before(3, {1.1, 0.97});
  const Duel::Pairs after(5, {1.0, 1.1 * 0.97});
  const auto [first, second] = Duel::middle({before, after});
  EXPECT_NEAR(second / first, 0.97, kClose);
}

TEST(Stretches, GoFromTheEndOfThePromptToTheEndOfTheAnswer) {
  for (const std::int64_t answer : {std::int64_t{kDecodeTokens}, std::int64_t{20}, extract::kAnswerTokens}) {
    EXPECT_EQ(stretch_begin(0, answer), 0);
    EXPECT_EQ(stretch_begin(kDecodeTurns - 1, answer) + kDecodeTokens, answer);
    for (int turn = 1; turn < kDecodeTurns; ++turn) {
      EXPECT_GE(stretch_begin(turn, answer), stretch_begin(turn - 1, answer));
    }
  }
}

/// A contestant of the tiny model of ../shared, untuned.
class ContestantTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string path = (test_support::shared_folder() / "models" / "tiny-qwen3-dense").string();
    NNTUNE_NEED_DATA(path);
    auto model = import::load_model(path, {});
    ASSERT_TRUE(model) << model.error().message();
    model_ = std::make_shared<import::Model>(std::move(*model));
    const auto target = probe_target();
    ASSERT_TRUE(target);
    const auto costs = std::make_shared<cost_model::EstimateCostModel>(*target);
    auto plan = module::plan_model(model_->config, graph::DType::f32, 1, target->isa, *costs);
    ASSERT_TRUE(plan) << plan.error().message();
    request_ = {.model = model_,
                .extraction = std::move(*plan),
                .costs = costs,
                .objects = std::make_shared<module::ObjectCache>(),
                .dtype = graph::DType::f32,
                .isa = target->isa,
                .threads = 1,
                .measured_layers = model_->config.layers};
  }
  std::shared_ptr<Contestant> make() {
    auto made = make_contestant(request_);
    EXPECT_TRUE(made) << made.error().message();
    return made ? *made : nullptr;
  }

  std::shared_ptr<import::Model> model_;
  ContestantRequest request_;
};

TEST_F(ContestantTest, ItsFirstTimedPositionIsTheLengthOfThePrompt) {
  const auto contestant = make();
  ASSERT_TRUE(contestant);
  runtime::Session& session = contestant->session();
  ASSERT_EQ(contestant->prompt().size(), static_cast<std::size_t>(extract::kPromptTokens));
  EXPECT_EQ(contestant->answer_tokens(), extract::kAnswerTokens);
  // Whatever ran before: nothing, a whole answer, a shorter prefill.
  const std::function<Status()> before[] = {[] { return Status(); },
                                            [&] { return contestant->begin_text(extract::kAnswerTokens - 1); },
                                            [&] {
                                              session.rewind();
                                              return session.prefill(contestant->prompt().first(100));
                                            }};
  std::vector<std::vector<float>> logits;
  for (const auto& run : before) {
    ASSERT_TRUE(run());
    ASSERT_TRUE(contestant->begin_text(0));
    EXPECT_EQ(session.position(), extract::kPromptTokens) << "where the first timed token goes";
    const auto seconds = contestant->time_token(0);
    ASSERT_TRUE(seconds) << seconds.error().message();
    EXPECT_GT(*seconds, 0);
    EXPECT_EQ(session.position(), extract::kPromptTokens + 1);
    logits.emplace_back(session.logits().begin(), session.logits().end());
  }
  // The prompt is in the cache each time: the same token behind it gives the same result.
  for (const auto& other : logits) {
    for (std::size_t i = 0; i < other.size(); ++i) ASSERT_NEAR(other[i], logits.front()[i], 2e-3);
  }
}

TEST_F(ContestantTest, ADuelGoesFromThePromptToTheEndOfTheAnswer) {
  const auto contestant = make();
  ASSERT_TRUE(contestant);
  Duel alone(contestant, contestant);
  const Status played = alone.round();
  ASSERT_TRUE(played) << played.error().message();
  EXPECT_EQ(contestant->session().position(), extract::kPromptTokens + extract::kAnswerTokens);
  EXPECT_EQ(alone.result().first.decode_context, extract::kPromptTokens);
  const auto other = make();
  ASSERT_TRUE(other);
  Duel both(contestant, other);
  ASSERT_TRUE(both.round());
  EXPECT_TRUE(both.pages_exchanged());
  EXPECT_EQ(other->session().position(), extract::kPromptTokens + extract::kAnswerTokens);
}

TEST_F(ContestantTest, AModelWithAShortContextAnswersLess) {
  model_->config.max_positions = 100;
  const auto contestant = make();
  ASSERT_TRUE(contestant);
  EXPECT_EQ(contestant->prompt().size(), 80U);
  EXPECT_EQ(contestant->answer_tokens(), 20);
  Duel alone(contestant, contestant);
  ASSERT_TRUE(alone.round());
  EXPECT_EQ(contestant->session().position(), 100);
  EXPECT_EQ(alone.result().first.decode_context, 80);
}

}  // namespace
}  // namespace nntune::tuner
