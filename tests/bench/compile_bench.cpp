// What compiling costs: choosing the program of a model, and machine code for its kernels.
#include <benchmark/benchmark.h>

#include "compiler/extract/extract.h"
#include "compiler/import/model.h"
#include "compiler/kernels/family.h"
#include "compiler/module/model_program.h"
#include "compiler/module/object_cache.h"
#include "cost_model/estimate_cost.h"

namespace nntune {
namespace {

/// The choice of a whole model with what `change` does to the options; the counter `objective_us` tells whether it got cheaper.
void choose_program(benchmark::State& state, graph::DType dtype, void (*change)(extract::ExtractOptions&)) {
  const auto target = probe_target();
  const auto model = import::load_model("qwen3-0.6b", {});
  if (!target || !model) return state.SkipWithError("no target or model");
  extract::ExtractOptions options;
  options.threads = 2;
  options.rules.isa = target->isa;
  change(options);
  for ([[maybe_unused]] const auto _ : state) {
    const cost_model::EstimateCostModel costs(*target);  // its default schedules are most of the work
    const auto phases = module::model_phases(model->config, dtype);
    if (!phases) return state.SkipWithError(phases.error().message().c_str());
    const auto chosen = extract::extract_explained(*phases, costs, options);
    if (!chosen) return state.SkipWithError(chosen.error().message().c_str());
    const extract::Explanation& e = chosen->explanation;
    state.counters["nodes"] = static_cast<double>(e.nodes);
    state.counters["kernels"] = static_cast<double>(e.workloads);
    state.counters["objective_us"] = e.objective_seconds * 1e6;
  }
}
void as_compile_does(extract::ExtractOptions&) {}
/// Layouts travel to products, if they do not by default, and the other way round.
void other_joint_layouts(extract::ExtractOptions& options) {
  options.rules.packs_travel_to_products = !options.rules.packs_travel_to_products;
}
#define NNTUNE_CHOOSE(name, dtype, change)               \
  BENCHMARK_CAPTURE(choose_program, name, dtype, change) \
      ->Iterations(3)                                    \
      ->Unit(benchmark::kMillisecond)                    \
      ->MeasureProcessCPUTime()
NNTUNE_CHOOSE(bf16, graph::DType::bf16, as_compile_does);
NNTUNE_CHOOSE(f32, graph::DType::f32, as_compile_does);
NNTUNE_CHOOSE(bf16_other_joint_layouts, graph::DType::bf16, other_joint_layouts);
NNTUNE_CHOOSE(f32_other_joint_layouts, graph::DType::f32, other_joint_layouts);
#undef NNTUNE_CHOOSE

void compile_matmul(benchmark::State& state) {
  const auto target = probe_target();
  using graph::DType;
  const std::int64_t rows = state.range(0);
  const auto workload = schedule::Workload::make(
      graph::matmul(), {{DType::f32, {rows, 1024}, {}}, {DType::f32, {4096, 1024}, {{0, 32}}}}, 0, 2);
  if (!target || !workload) return state.SkipWithError("no target or workload");
  const auto schedule = kernels::default_schedule(*workload, *target);
  if (!schedule) return state.SkipWithError(schedule.error().message().c_str());
  for ([[maybe_unused]] const auto _ : state) {
    auto object = module::compile_kernel(*workload, *schedule, target->isa);
    if (!object) return state.SkipWithError(object.error().message().c_str());
    benchmark::DoNotOptimize(object);
  }
}
BENCHMARK(compile_matmul)->Arg(1)->Arg(512)->ArgName("rows")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nntune
