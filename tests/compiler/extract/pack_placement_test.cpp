// Where activations are packed in the extracted program of a Qwen3 layer: by the kernels that make them, unless costs say otherwise.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "compiler/extract/extract.h"
#include "tests/compiler/extract/simple_costs.h"
#include "tests/compiler/rules/decoder_layer.h"

namespace nntune::extract {
namespace {

using graph::OpKind;
using graph::StepKind;
using testing_models::SimpleCosts;

Isa avx512_bf16() {
  Isa isa;
  isa.avx2 = isa.fma = isa.f16c = true;
  isa.avx512f = isa.avx512bw = isa.avx512vl = isa.avx512dq = isa.avx512bf16 = true;
  return isa;
}

bool packs(const schedule::Workload& workload) {
  const graph::Op& op = workload.op();
  return op.kind() == OpKind::rowwise && !op.prologue().empty() && op.prologue().back().kind == StepKind::pack;
}

/// A kernel that computes nothing: it rounds and packs.
bool only_packs(const schedule::Workload& workload) {
  return packs(workload) && std::ranges::all_of(workload.op().prologue(), [](const graph::Step& step) {
           return step.kind == StepKind::pack || step.kind == StepKind::cast;
         });
}

/// Kernels of the body of the prefill phase that only pack what a matmul made for another matmul.
std::vector<std::string> packs_between_matmuls(const Program& program) {
  std::vector<std::string> result;
  for (const PhaseProgram& phase : program.phases) {
    for (const SectionProgram& section : phase.sections) {
      for (std::size_t i = 0; i < section.steps.size(); ++i) {
        const KernelStep& step = section.steps[i];
        if (!only_packs(step.workload) || step.inputs[0].kind != ValueKind::buffer) continue;
        // Buffers are used again, so the maker is the last one that wrote it, a reader comes before the next one.
        bool made = false;
        for (std::size_t j = 0; j < i; ++j) {
          const KernelStep& earlier = section.steps[j];
          if (earlier.output.kind == ValueKind::buffer && earlier.output.index == step.inputs[0].index) {
            made = earlier.workload.op().kind() == OpKind::matmul;
          }
        }
        bool read = false;
        for (std::size_t j = i + 1; j < section.steps.size(); ++j) {
          const KernelStep& later = section.steps[j];
          const bool reads = std::ranges::any_of(later.inputs, [&](const Value& value) {
            return value.kind == ValueKind::buffer && value.index == step.output.index;
          });
          read = read || (reads && later.workload.op().kind() == OpKind::matmul);
          if (later.output.kind == ValueKind::buffer && later.output.index == step.output.index) break;
        }
        if (made && read) result.push_back(step.workload.text());
      }
    }
  }
  return result;
}

Program program_of(graph::DType dtype, const CostModel& costs) {
  const auto phases = testing_models::phases({.dtype = dtype});
  auto result = extract(phases, costs, {.rules = {.isa = avx512_bf16()}});
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message());
  return result ? std::move(*result) : Program{};
}

TEST(PackPlacement, NoKernelPacksBetweenTwoMatmuls) {
  for (const graph::DType dtype : {graph::DType::f32, graph::DType::bf16}) {
    const Program program = program_of(dtype, SimpleCosts());
    EXPECT_TRUE(packs_between_matmuls(program).empty()) << packs_between_matmuls(program)[0];
    std::size_t packed_inputs = 0;
    for (const SectionProgram& section : program.phases[1].sections) {
      for (const KernelStep& step : section.steps) {
        if (step.workload.op().kind() == OpKind::matmul) packed_inputs += step.workload.inputs[0].packed() ? 1 : 0;
      }
    }
    EXPECT_GE(packed_inputs, 1U) << "no matmul of prefill reads packed activations";
  }
}

TEST(PackPlacement, AKernelPacksWhereTheCostsSayThatItPays) {
  // Kernels that compute may not store packed results, and a matmul that packs its own input is slow.
  SimpleCosts costs;
  costs.adjust = [](const schedule::Workload& w, double seconds) {
    if (w.output.packed() && !only_packs(w)) return std::numeric_limits<double>::infinity();
    const bool packs_inside = w.op().kind() == OpKind::matmul && w.inputs[0].shape[0] > 1 && !w.inputs[0].packed();
    return packs_inside ? 3 * seconds : seconds;
  };
  EXPECT_FALSE(packs_between_matmuls(program_of(graph::DType::bf16, costs)).empty());
}

TEST(PackPlacement, ALayerMayStayPackedFromOneMatmulToTheNext) {
  // Elementwise work on tiles is free, and gate and up may not be one matmul: then both store tiles, which swiglu reads.
  SimpleCosts costs;
  costs.adjust = [](const schedule::Workload& w, double seconds) {
    if (w.op().kind() != OpKind::rowwise || w.op().prologue().empty() || w.op().prologue()[0].kind != StepKind::swiglu)
      return seconds;
    return w.inputs[0].packed() ? 1e-9 : 1.0;
  };
  const auto phases = testing_models::phases({.dtype = graph::DType::f32});
  const rules::RuleOptions rules{.isa = avx512_bf16(), .disabled = {"merge"}};
  const auto program = extract(phases, costs, {.rules = rules});
  ASSERT_TRUE(program.has_value()) << program.error().message();
  bool stays_packed = false;
  for (const KernelStep& step : program->phases[1].sections[1].steps) {
    stays_packed = stays_packed || (step.workload.op().kind() == OpKind::rowwise && step.workload.inputs[0].packed() &&
                                    step.workload.output.lanes == step.workload.inputs[0].lanes);
  }
  EXPECT_TRUE(stays_packed);
}

TEST(PackPlacement, LayoutsOfALayerAreChosenTogetherByDefault) {
  // SiLU·mul is slow but on tiles, so what the matmul before it stores depends on what the one behind it reads.
  SimpleCosts costs;
  costs.adjust = [](const schedule::Workload& w, double seconds) {
    const auto gates = [](const graph::Chain& chain) {
      return std::ranges::any_of(chain, [](const graph::Step& step) {
        return step.kind == StepKind::swiglu || step.kind == StepKind::swiglu_split || step.kind == StepKind::swiglu_pairs;
      });
    };
    if (!gates(w.op().prologue()) && !gates(w.op().epilogue())) return seconds;
    return w.op().kind() == OpKind::rowwise && w.inputs[0].packed() ? seconds : seconds + 1;
  };
  for (const graph::DType dtype : {graph::DType::f32, graph::DType::bf16}) {
    const auto phases = testing_models::phases({.dtype = dtype});
    rules::RuleOptions rules{.isa = avx512_bf16()};
    const auto together = extract(phases, costs, {.rules = rules});
    ASSERT_TRUE(together.has_value()) << together.error().message();
    rules.packs_travel_to_products = false;
    const auto apart = extract(phases, costs, {.rules = rules});
    ASSERT_TRUE(apart.has_value()) << apart.error().message();
    EXPECT_LT(together->phases[1].seconds() + 1, apart->phases[1].seconds());
    // gate/up stores tiles, SiLU·mul reads and writes them, down reads them.
    const auto& steps = together->phases[1].sections[1].steps;
    const auto gating = std::ranges::find_if(steps, [](const KernelStep& step) {
      return step.workload.op().kind() == OpKind::rowwise && step.workload.inputs[0].packed();
    });
    ASSERT_NE(gating, steps.end());
    EXPECT_EQ(gating->workload.output.lanes, gating->workload.inputs[0].lanes);
    const auto reads_tiles = std::ranges::find_if(steps, [&](const KernelStep& step) {
      return step.workload.op().kind() == OpKind::matmul && step.workload.inputs[0].shape == gating->workload.output.shape &&
             step.workload.inputs[0].lanes == gating->workload.output.lanes;
    });
    EXPECT_NE(reads_tiles, steps.end());
  }
}

}  // namespace
}  // namespace nntune::extract
