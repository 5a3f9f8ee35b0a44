#include "compiler/runtime/session.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/compiler/runtime/tiny_module.h"

namespace nntune::runtime {
namespace {

using Ids = std::vector<std::int32_t>;

void expect_logits(std::span<const float> found, const Ids& ids) {
  const std::vector<float> expected = testing::expected_logits(ids);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t v = 0; v < expected.size(); ++v) EXPECT_NEAR(found[v], expected[v], 1e-3) << "after " << ids.size();
}

class SessionTest : public ::testing::TestWithParam<int> {
 protected:
  [[nodiscard]] std::unique_ptr<Session> session(std::int64_t ctx = 100) const {
    return Session::create(testing::tiny_module(), {.threads = GetParam(), .ctx = ctx}).value();
  }
};

TEST_P(SessionTest, PrefillInBucketsEqualsTokenByToken) {
  // 4 is a whole bucket, 5 leaves one token, 7 leaves a part of a bucket.
  for (const std::size_t count : {1, 3, 4, 5, 7, 13}) {
    Ids ids;
    for (std::size_t i = 0; i < count; ++i) ids.push_back(static_cast<std::int32_t>((i * 5 + 3) % testing::kVocab));
    const auto whole = session();
    ASSERT_TRUE(whole->prefill(ids));
    EXPECT_EQ(whole->position(), static_cast<std::int64_t>(count));
    expect_logits(whole->logits(), ids);
    const auto single = session();
    for (const std::int32_t id : ids) ASSERT_TRUE(single->decode(id));
    expect_logits(single->logits(), ids);
    EXPECT_EQ(whole->argmax(), single->argmax());
  }
}

TEST_P(SessionTest, ArgmaxIsThatOfTheLogits) {
  const auto s = session();
  ASSERT_TRUE(s->prefill(Ids{5, 1, 2}));
  const auto logits = s->logits();
  EXPECT_EQ(s->argmax(), std::ranges::max_element(logits) - logits.begin());
}

TEST_P(SessionTest, TheSinkGetsTheLogitsOfEveryPosition) {
  const Ids ids = {3, 8, 1, 15, 0, 7};
  const auto s = session();
  std::vector<std::int64_t> positions;
  const auto sink = [&](std::int64_t position, std::span<const float> logits) {
    positions.push_back(position);
    expect_logits(logits, Ids(ids.begin(), ids.begin() + position + 1));
  };
  ASSERT_TRUE(s->prefill(ids, sink));
  EXPECT_EQ(positions, (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5}));
  expect_logits(s->logits(), ids);
}

TEST_P(SessionTest, RewindForgets) {
  const auto s = session();
  ASSERT_TRUE(s->prefill(Ids{3, 8, 1, 15, 0, 7}));
  s->rewind(2);
  ASSERT_TRUE(s->prefill(Ids{4}));
  expect_logits(s->logits(), {3, 8, 4});
  s->rewind();
  ASSERT_TRUE(s->prefill(Ids{9, 9}));
  expect_logits(s->logits(), {9, 9});
}

TEST_P(SessionTest, SequencesOfOneSessionKeepTheirOwnStates) {
  const auto both = Session::create(testing::tiny_module(), {.threads = GetParam(), .ctx = 100, .sequences = 2}).value();
  EXPECT_EQ(both->sequences(), 2U);
  const std::vector<Ids> texts = {{3, 8, 1, 15, 0, 7}, {9, 2, 2, 11, 5, 13}};
  // Of each a prompt, then token by token in turn.
  for (const std::size_t s : {0, 1}) {
    ASSERT_TRUE(both->prefill(std::span(texts[s]).first(3), {}, s));
    expect_logits(both->logits(), Ids(texts[s].begin(), texts[s].begin() + 3));
  }
  for (std::size_t i = 3; i < 6; ++i) {
    for (const std::size_t s : {1, 0}) {
      ASSERT_TRUE(both->decode(texts[s][i], s));
      expect_logits(both->logits(), Ids(texts[s].begin(), texts[s].begin() + static_cast<std::ptrdiff_t>(i) + 1));
    }
  }
  both->rewind(2, 1);
  EXPECT_EQ(both->position(0), 6);
  EXPECT_EQ(both->position(1), 2);
  ASSERT_TRUE(both->decode(4, 1));
  expect_logits(both->logits(), {9, 2, 4});
  const auto refused = both->decode(4, 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "there is no sequence 2 of 2; create the session with more");
}

TEST_P(SessionTest, BodiesOfDifferentLayersReadTheirOwnWeightsAndStates) {
  Plan plan = testing::tiny_plan();
  for (Phase& phase : plan.phases) {
    Section first = phase.sections[1];
    first.name = "first";
    first.repeat = 1;
    Section& others = phase.sections[1];
    others.repeat = 2;
    for (Step& step : others.steps) {
      for (Operand& operand : step.operands) {
        if (operand.kind == Operand::Kind::weight || operand.kind == Operand::Kind::state) operand.first = 1;
      }
    }
    phase.sections.insert(phase.sections.begin() + 1, first);
  }
  Memory weights = Memory::allocate(testing::kWeightBytes, "weights").value();
  testing::fill_weights(weights.bytes());
  const auto s = Session::create(Module::from_memory(plan, testing::tiny_code(), "", std::move(weights)).value(),
                                 {.threads = GetParam(), .ctx = 100})
                     .value();
  const Ids ids = {3, 8, 1, 15, 0, 7};
  ASSERT_TRUE(s->prefill(std::span(ids).first(4)));
  ASSERT_TRUE(s->decode(ids[4]));
  ASSERT_TRUE(s->decode(ids[5]));
  expect_logits(s->logits(), ids);
}

std::atomic<int> calls_of_other_mix = 0;

void other_mix_kernel(const KernelCall* call) {
  if (call->thread == 0) ++calls_of_other_mix;
  testing::mix_kernel(call);
}

TEST_P(SessionTest, VariantsOfAStepTakeTurnsAndAreTimedApart) {
  constexpr std::size_t kPrefill = 1, kSteps = 6, kMix = 3;  // of the tiny plan
  const Ids ids = {3, 8, 1, 15};
  const auto s = session();
  calls_of_other_mix = 0;
  ASSERT_TRUE(s->set_variants(kPrefill, kMix, {&testing::mix_kernel, &other_mix_kernel}, 1 << 20));
  StepClock clock(kSteps, 2);
  s->watch(kPrefill, &clock);
  constexpr int kRuns = 50;
  for (int run = 0; run < kRuns; ++run) {
    s->rewind();
    ASSERT_TRUE(s->prefill(ids));
    expect_logits(s->logits(), ids);
  }
  const auto calls = [&](std::size_t step, std::size_t variant) {
    return static_cast<int>(clock.seconds(step, variant).size());
  };
  EXPECT_EQ(calls(kMix, 1), calls_of_other_mix);
  EXPECT_EQ(calls(kMix, 0) + calls(kMix, 1), kRuns * testing::kLayers);
  EXPECT_GT(calls(kMix, 0), kRuns);
  EXPECT_GT(calls(kMix, 1), kRuns);
  EXPECT_EQ(calls(0, 0), kRuns) << "the embedding runs once";
  EXPECT_EQ(calls(kSteps - 1, 0), kRuns) << "and so does the head";

  s->watch(kPrefill, nullptr);
  ASSERT_TRUE(s->set_variants(kPrefill, kMix, {}, 0));
  clock.clear();
  const int before = calls_of_other_mix;
  s->rewind();
  ASSERT_TRUE(s->prefill(ids));
  EXPECT_EQ(calls_of_other_mix, before);
  EXPECT_EQ(calls(kMix, 0), 0);
}

TEST_P(SessionTest, WhatDoesNotFitIsRefusedAndChangesNothing) {
  const auto s = session(5);
  ASSERT_TRUE(s->prefill(Ids{1, 2, 3}));
  const auto refused = s->prefill(Ids{4, 5, 6});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(),
            "3 tokens after 3 do not fit into a context of 5; shorten the prompt or give a larger context (--ctx)");
  EXPECT_FALSE(s->prefill(Ids{}));
  EXPECT_FALSE(s->prefill(Ids{1, -1}));
  EXPECT_FALSE(s->prefill(Ids{testing::kVocab}));
  EXPECT_EQ(s->position(), 3);
  ASSERT_TRUE(s->prefill(Ids{4, 5}));
  expect_logits(s->logits(), {1, 2, 3, 4, 5});
}

INSTANTIATE_TEST_SUITE_P(Threads, SessionTest, ::testing::Values(1, 2, 3));

TEST(Module, NeedsTheFeaturesItWasCompiledFor) {
  Isa isa;
  isa.avx2 = true;
  EXPECT_TRUE(check_isa({"avx2"}, isa));
  EXPECT_TRUE(check_isa({}, isa));
  const auto refused = check_isa({"avx2", "avx512f", "avx512bf16"}, isa);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(),
            "this module was compiled for a CPU with avx512f, avx512bf16, which this one lacks; "
            "compile the model on this machine");
}

}  // namespace
}  // namespace nntune::runtime
