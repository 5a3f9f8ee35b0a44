// The whole compiler on a small trained model: what it compiled must compute what a plain program computed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <utility>

#include "base/json.h"
#include "base/target.h"
#include "compiler/import/model.h"
#include "compiler/module/build.h"
#include "compiler/module/model_program.h"
#include "compiler/runtime/session.h"
#include "cost_model/estimate_cost.h"
#include "tests/support/shared_data.h"

namespace nntune {
namespace {

using Ids = std::vector<std::int32_t>;

struct Way {
  int threads;
  std::string model = "tiny-qwen3-dense";
};

void PrintTo(const Way& way, std::ostream* out) { *out << way.model << " " << way.threads << " threads"; }

std::string name_of(const ::testing::TestParamInfo<Way>& way) {
  std::string name =
      (way.param.model == "tiny-qwen3-dense" ? "" : way.param.model + "_") + std::to_string(way.param.threads);
  std::ranges::replace(name, '-', '_');
  return name;
}

class TinyDense : public ::testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    const std::filesystem::path folder = test_support::shared_folder() / "models" / GetParam().model;
    NNTUNE_NEED_DATA(folder);
    folder_ = folder;
    auto expected = read_json(folder / "expected.json");
    ASSERT_TRUE(expected) << expected.error().message();
    expected_ = *std::move(expected);
  }

  /// Compiled with an empty database for as many cores as there are threads, and two at least; once for all tests.
  [[nodiscard]] std::shared_ptr<const runtime::Module> compiled(graph::DType dtype) const {
    static std::map<std::tuple<std::string, graph::DType, int>, std::shared_ptr<const runtime::Module>> modules;
    const int threads = std::max(2, GetParam().threads);
    auto& module = modules[{GetParam().model, dtype, threads}];
    if (!module) {
      const auto make = [&]() -> Expected<std::shared_ptr<const runtime::Module>> {
        NNTUNE_ASSIGN(const import::Model model, import::load_model(folder_.string()));
        NNTUNE_ASSIGN(Target target, probe_target());
        target.cores = threads;
        const cost_model::EstimateCostModel costs(target);
        NNTUNE_ASSIGN(const auto extraction, module::plan_model(model.config, dtype, threads, target.isa, costs));
        module::ObjectCache cache;
        NNTUNE_ASSIGN(const auto program,
                      module::compile_program(extraction.program, model, dtype, costs, target.isa, cache));
        return module::make_module(program, model);
      };
      auto made = make();
      EXPECT_TRUE(made) << made.error().message();
      if (made) module = *made;
    }
    return module;
  }

  [[nodiscard]] std::unique_ptr<runtime::Session> session(graph::DType dtype, std::int64_t ctx) const {
    return runtime::Session::create(compiled(dtype), {.threads = GetParam().threads, .ctx = ctx}).value();
  }

  void expect_decode_gives_what_prefill_gives(graph::DType dtype) const {
    ASSERT_TRUE(compiled(dtype));
    const auto whole = session(dtype, 256);
    const auto single = session(dtype, 256);
    Ids ids = expected_["prompts"].back()["ids"].get<Ids>();
    ids.resize(std::min<std::size_t>(ids.size(), 40));
    std::vector<std::vector<float>> rows;
    ASSERT_TRUE(whole->prefill(ids, [&](std::int64_t, std::span<const float> l) { rows.emplace_back(l.begin(), l.end()); }));
    ASSERT_EQ(rows.size(), ids.size());
    // Random weights amplify rounding.
    const float rounding = GetParam().model == "tiny-qwen3-dense" ? 0.2F : 1.0F;
    const float tolerance = dtype == graph::DType::f32 ? 1e-3F : rounding;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      ASSERT_TRUE(single->decode(ids[i]));
      float worst = 0;
      for (std::size_t v = 0; v < rows[i].size(); ++v) worst = std::max(worst, std::abs(rows[i][v] - single->logits()[v]));
      EXPECT_LT(worst, tolerance) << "position " << i;
    }
  }

  std::filesystem::path folder_;
  Json expected_;
};

/// Kernels of the module in this family.
std::ptrdiff_t kernels_of(const runtime::Module& module, const std::string& family) {
  return std::ranges::count_if(module.plan().kernels,
                               [&](const runtime::Kernel& kernel) { return kernel.workload.starts_with(family + "{"); });
}

/// After the prompt the logits of a session in f32 are those of the reference.
void expect_logits(const runtime::Session& session, const Json& prompt) {
  const auto logits = prompt["last_logits"].get<std::vector<float>>();
  ASSERT_EQ(session.logits().size(), logits.size());
  float worst = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) worst = std::max(worst, std::abs(session.logits()[i] - logits[i]));
  EXPECT_LT(worst, 2e-3F) << prompt["name"];
}

/// After the prompt the likeliest tokens are those of the reference.
void expect_greedy_continuation(runtime::Session& session, const Json& prompt) {
  const auto expected = prompt["greedy"]["ids"].get<Ids>();
  Ids found;
  while (found.size() < expected.size()) {
    found.push_back(session.argmax());
    ASSERT_TRUE(session.decode(found.back()));
  }
  EXPECT_EQ(found, expected) << prompt["name"];
}

TEST_P(TinyDense, LogitsInF32AreWithin2e3) {
  ASSERT_TRUE(compiled(graph::DType::f32));
  const auto s = session(graph::DType::f32, 2048);
  for (const Json& prompt : expected_["prompts"]) {
    s->rewind();
    const Status status = s->prefill(prompt["ids"].get<Ids>());
    ASSERT_TRUE(status) << status.error().message();
    ASSERT_NO_FATAL_FAILURE(expect_logits(*s, prompt));
  }
}

TEST_P(TinyDense, GreedyContinuationsInF32AreEqual) {
  ASSERT_TRUE(compiled(graph::DType::f32));
  const auto s = session(graph::DType::f32, 2048);
  for (const Json& prompt : expected_["prompts"]) {
    s->rewind();
    ASSERT_TRUE(s->prefill(prompt["ids"].get<Ids>()));
    ASSERT_NO_FATAL_FAILURE(expect_greedy_continuation(*s, prompt));
  }
}

TEST_P(TinyDense, LogitsTokenByTokenEqualThoseOfPrefill) {
  for (const graph::DType dtype : {graph::DType::f32, graph::DType::bf16}) expect_decode_gives_what_prefill_gives(dtype);
}

TEST_P(TinyDense, TwoSequencesInOneSessionGiveTheTokensOfTwoSessions) {
  ASSERT_TRUE(compiled(graph::DType::f32));
  const auto both =
      runtime::Session::create(compiled(graph::DType::f32), {.threads = GetParam().threads, .ctx = 512, .sequences = 2})
          .value();
  const std::vector<Ids> prompts = {expected_["prompts"][1]["ids"].get<Ids>(), expected_["prompts"][2]["ids"].get<Ids>()};
  std::vector<Ids> alone(2), together(2);
  for (const std::size_t s : {0, 1}) {
    const auto single = session(graph::DType::f32, 512);
    ASSERT_TRUE(single->prefill(prompts[s]));
    for (int i = 0; i < 12; ++i) {
      alone[s].push_back(single->argmax());
      ASSERT_TRUE(single->decode(alone[s].back()));
    }
  }
  for (const std::size_t s : {0, 1}) {
    ASSERT_TRUE(both->prefill(prompts[s], {}, s));
    together[s].push_back(both->argmax());
  }
  for (int i = 1; i < 12; ++i) {
    for (const std::size_t s : {0, 1}) {
      ASSERT_TRUE(both->decode(together[s].back(), s));
      together[s].push_back(both->argmax());
    }
  }
  EXPECT_EQ(together, alone);
  EXPECT_NE(alone[0], alone[1]);
}

INSTANTIATE_TEST_SUITE_P(Threads, TinyDense, ::testing::Values(Way{1}, Way{2}, Way{1, "tiny-llama3"}, Way{1, "tiny-qwen2"}),
                         name_of);

/// More threads than the two key-value heads.
class TinyDenseSplit : public TinyDense {};

TEST_P(TinyDenseSplit, DecodeAttentionIsSplitOverTheKeysAndRight) {
  ASSERT_TRUE(compiled(graph::DType::f32));
  EXPECT_EQ(kernels_of(*compiled(graph::DType::f32), "attention_merge"), 1);
  const auto s = session(graph::DType::f32, 2048);
  for (const Json& prompt : expected_["prompts"]) {
    s->rewind();
    for (const std::int32_t id : prompt["ids"].get<Ids>()) ASSERT_TRUE(s->decode(id));  // prefill splits nothing
    ASSERT_NO_FATAL_FAILURE(expect_logits(*s, prompt));
    ASSERT_NO_FATAL_FAILURE(expect_greedy_continuation(*s, prompt));
  }
}

TEST_P(TinyDenseSplit, DecodeInBf16GivesWhatPrefillGives) {
  ASSERT_TRUE(compiled(graph::DType::bf16));
  EXPECT_EQ(kernels_of(*compiled(graph::DType::bf16), "attention_merge"), 1);
  expect_decode_gives_what_prefill_gives(graph::DType::bf16);
}

INSTANTIATE_TEST_SUITE_P(Threads, TinyDenseSplit, ::testing::Values(Way{4}, Way{4, "tiny-llama3"}, Way{4, "tiny-qwen2"}),
                         name_of);

}  // namespace
}  // namespace nntune
