// Quantised activations in the extracted program: made once, by the kernel that has the values, for all matmuls that read them.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "compiler/extract/extract.h"
#include "tests/compiler/extract/simple_costs.h"
#include "tests/compiler/rules/decoder_layer.h"

namespace nntune::extract {
namespace {

using graph::OpKind;
using graph::StepKind;

Isa vnni() {
  Isa isa;
  isa.avx2 = isa.fma = isa.f16c = true;
  isa.avx512f = isa.avx512bw = isa.avx512vl = isa.avx512dq = isa.avx512vnni = true;
  return isa;
}

bool has(const graph::Chain& chain, StepKind kind) {
  return std::ranges::any_of(chain, [&](const graph::Step& step) { return step.kind == kind; });
}

/// The body of Qwen3-0.6B for 512 rows with matrices in blocks of 32, without merging, so that q, k and v are three matmuls.
Expected<Program> quantised_body(bool allowed) {
  const testing_models::Shape shape{.dtype = graph::DType::i8, .block = 32};
  const std::vector<graph::Phase> phases = {{"prefill", 512, {testing_models::body(shape, 512)}}};
  const rules::RuleOptions rules{.isa = vnni(), .allow_quantised_activations = allowed, .disabled = {"merge"}};
  return extract(phases, testing_models::SimpleCosts(), {.rules = rules});
}

TEST(Quantise, QAndKAndVShareOneKernelOfNormAndQuantising) {
  const auto program = quantised_body(true);
  ASSERT_TRUE(program.has_value()) << program.error().message();
  const SectionProgram& body = program->phases[0].sections[0];
  std::map<std::size_t, std::size_t> maker;            // by buffer: the step that wrote it last
  std::map<std::size_t, std::set<std::string>> users;  // by maker: the weights that its result is multiplied with
  std::size_t quantising = 0;
  for (std::size_t i = 0; i < body.steps.size(); ++i) {
    const KernelStep& step = body.steps[i];
    const graph::Op& op = step.workload.op();
    quantising += has(op.prologue(), StepKind::quantise) || has(op.epilogue(), StepKind::quantise) ? 1 : 0;
    if (op.kind() == OpKind::matmul && step.workload.inputs[0].block == 32) {
      EXPECT_TRUE(op.prologue().empty()) << step.workload.text();
      const graph::Graph& recipe = program->weights[step.inputs[1].index].recipe;
      users[maker.at(step.inputs[0].index)].insert(recipe.nodes()[0].op.leaf_name());
    }
    if (step.output.kind == ValueKind::buffer) maker[step.output.index] = i;
  }
  EXPECT_EQ(quantising, 4U);  // for q/k/v, o, gate/up and down, whose matmul may do it itself
  ASSERT_GE(users.size(), 3U);
  const auto& [first, projections] = *users.begin();
  EXPECT_EQ(projections, (std::set<std::string>{"layers.*.q_proj", "layers.*.k_proj", "layers.*.v_proj"}));
  const graph::Op& shared = body.steps[first].workload.op();
  EXPECT_EQ(shared.kind(), OpKind::rowwise);
  EXPECT_TRUE(has(shared.prologue(), StepKind::rms) && has(shared.prologue(), StepKind::scale) &&
              has(shared.prologue(), StepKind::quantise))
      << shared.text();
  // Stored as the int8 dot reads it, by the same kernel.
  EXPECT_EQ(body.steps[first].workload.output.lanes.back(), (graph::Lane{1, 4})) << shared.text();
}

TEST(Quantise, WithoutPermissionThereIsNoProgram) {
  const auto program = quantised_body(false);
  ASSERT_FALSE(program.has_value());
  EXPECT_EQ(program.error().kind, ErrorKind::infeasible);
}

}  // namespace
}  // namespace nntune::extract
