// What compiling costs: choosing the program of a model, and machine code for its kernels.
#include <benchmark/benchmark.h>

#include "compiler/import/model.h"
#include "compiler/kernels/family.h"
#include "compiler/module/model_program.h"
#include "compiler/module/object_cache.h"
#include "cost_model/estimate_cost.h"

namespace nntune {
namespace {

void choose_program(benchmark::State& state) {
  const auto target = probe_target();
  const auto model = import::load_model("qwen3-0.6b", {});
  if (!target || !model) return state.SkipWithError("no target or model");
  for ([[maybe_unused]] const auto _ : state) {
    const cost_model::EstimateCostModel costs(*target);  // its default schedules are most of the work
    auto plan = module::plan_model(model->config, graph::DType::bf16, 2, target->isa, costs);
    benchmark::DoNotOptimize(plan);
  }
}
BENCHMARK(choose_program)->Iterations(3)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

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
