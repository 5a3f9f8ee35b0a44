// A model of two kinds of layers, compiled: it computes what the reference evaluator computes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/target.h"
#include "compiler/extract/extract.h"
#include "compiler/import/builtin.h"
#include "compiler/import/model.h"
#include "compiler/import/phases.h"
#include "compiler/import/rope.h"
#include "compiler/kernels/family.h"
#include "compiler/module/build.h"
#include "compiler/reference/run.h"
#include "compiler/runtime/rope_table.h"
#include "compiler/runtime/session.h"
#include "tests/compiler/extract/simple_costs.h"

namespace nntune::module {
namespace {

using Ids = std::vector<std::int32_t>;

constexpr std::int64_t kLayers = 4;
constexpr std::int64_t kPrefillRows = 6;

import::ModelConfig config(){import::ModelConfig config = *import::find_builtin("qwen3-0.6b");
config.hidden = 64;
config.layers = kLayers;
config.heads = 4;
config.kv_heads = 2;
config.head_dim = 32;
config.intermediate = 96;
config.vocab = 160;
config.rope = import::plain_rope(1e6, config.head_dim);
return config;
}  // namespace

/// `body` up to its attention: the sum behind it is the result.
graph::Section without_mlp(const graph::Section& body) {
  graph::Section result{.name = "attention", .graph = {}, .repeat = 1};
  graph::NodeId sum = -1;
  for (const graph::Node& node : body.graph.nodes()) {
    EXPECT_TRUE(result.graph.add(node.op, node.inputs));
    if (node.op != graph::rowwise({{.kind = graph::StepKind::add}})) continue;
    sum = static_cast<graph::NodeId>(result.graph.nodes().size() - 1);
    break;
  }
  const std::vector<graph::NodeId>& outputs = body.graph.outputs();
  result.graph.set_outputs({sum, outputs[1], outputs[2]});
  return result;
}

/// Layer `odd` is attention alone, the others are as in Qwen3.
Expected<graph::Phase> phase(std::int64_t rows, std::int64_t odd) {
  NNTUNE_ASSIGN(graph::Phase phase, import::build_phase(config(), graph::DType::f32, rows,
                                                        rows == 1 ? import::PhaseKind::decode : import::PhaseKind::prefill));
  std::vector<graph::Section> sections = {phase.sections[0]};
  const graph::Section& body = phase.sections[1];
  const auto add = [&](graph::Section section, std::int64_t first, std::int64_t count) {
    if (count == 0) return;
    section.name += std::to_string(first);
    section.first_layer = first;
    section.repeat = count;
    sections.push_back(std::move(section));
  };
  add(body, 0, odd);
  add(without_mlp(body), odd, 1);
  add(body, odd + 1, kLayers - odd - 1);
  sections.push_back(phase.sections[2]);
  phase.sections = std::move(sections);
  return phase;
}

/// The estimates of real kernels: those that cannot be generated are refused.
class RealKernels : public extract::CostModel {
 public:
  explicit RealKernels(Target target) : target_(std::move(target)) {}
  [[nodiscard]] extract::Cost cost(const schedule::Workload& workload) const override {
    const auto family = kernels::find_family(workload);
    const auto found = schedule(workload);
    if (!family || !(*family)->refuse(workload, target_.isa).empty() || !found) {
      return {.seconds = std::numeric_limits<double>::infinity()};
    }
    return {.seconds = (*family)->estimate_seconds(workload, *found, target_)};
  }
  [[nodiscard]] Expected<schedule::Schedule> schedule(const schedule::Workload& workload) const override {
    return kernels::default_schedule(workload, target_);
  }

 private:
  Target target_;
};

class TwoBodies : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    auto target = probe_target();
    ASSERT_TRUE(target) << target.error().message();
    target_ = *target;
    model_.name = "two bodies";
    model_.config = config();
    model_.weights = import::make_random_weights(config(), 3);
  }

  [[nodiscard]] Expected<std::shared_ptr<const runtime::Module>> compiled() const {
    NNTUNE_ASSIGN(graph::Phase decode, phase(1, GetParam()));
    NNTUNE_ASSIGN(graph::Phase prefill, phase(kPrefillRows, GetParam()));
    const std::vector<graph::Phase> phases = {std::move(decode), std::move(prefill)};
    const RealKernels costs(target_);
    extract::ExtractOptions options;
    options.rules.isa = target_.isa;
    options.threads = 2;
    NNTUNE_ASSIGN(const extract::Program program, extract::extract(phases, costs, options));
    ObjectCache cache;
    NNTUNE_ASSIGN(const CompiledProgram made,
                  compile_program(program, model_, graph::DType::f32, costs, target_.isa, cache));
    return make_module(made, model_);
  }

  [[nodiscard]] reference::Runner<float> reference_run() const {
    constexpr std::int64_t kCapacity = 64;
    std::vector<float> table(static_cast<std::size_t>(kCapacity * config().head_dim));
    runtime::fill_rope_table({config().rope.frequencies, config().rope.attention_factor}, table);
    return {[odd = GetParam()](std::int64_t rows) { return phase(rows, odd); },
            [this](const std::string& name, std::int64_t layer) { return model_.weights->read(name, layer); },
            reference::HostTensor<float>({graph::DType::f32, {kCapacity, config().head_dim}, {}}, std::move(table)),
            kCapacity};
  }

  Target target_;
  import::Model model_;
};

TEST_P(TwoBodies, InAnyOrderComputeWhatTheReferenceComputes) {
  const auto module = compiled();
  ASSERT_TRUE(module) << module.error().message();
  const auto& sections = (*module)->plan().phases.front().sections;
  EXPECT_EQ(sections.size(), GetParam() == 0 || GetParam() == kLayers - 1 ? 4U : 5U);
  const auto session = runtime::Session::create(*module, {.threads = 2, .ctx = 64}).value();
  reference::Runner<float> run = reference_run();
  const auto expect_equal = [&](const Ids& ids) {
    const auto expected = run.feed(ids);
    ASSERT_TRUE(expected) << expected.error().message();
    ASSERT_TRUE(session->prefill(ids));
    float largest = 0;
    for (const float logit : *expected) largest = std::max(largest, std::abs(logit));
    EXPECT_GT(largest, 0.01F);
    for (std::size_t i = 0; i < expected->size(); ++i)
      ASSERT_NEAR(session->logits()[i], (*expected)[i], 1e-4F * largest) << i;
  };
  ASSERT_NO_FATAL_FAILURE(expect_equal({3, 14, 15, 92, 65, 35, 89}));  // a whole prefill step and a token
  ASSERT_NO_FATAL_FAILURE(expect_equal({79}));
  ASSERT_NO_FATAL_FAILURE(expect_equal({32, 38, 46}));
}

INSTANTIATE_TEST_SUITE_P(OddLayer, TwoBodies, testing::Values(0, 1, 3), testing::PrintToStringParamName());

}  // namespace nntune::module
}  // namespace nntune::module
