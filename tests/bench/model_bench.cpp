// Whole models against this machine's limits: prefill of 512 tokens as a share of the fastest multiply-add unit, that of 2048
// beside it, decode after 512 tokens as a share of a plain read of as many bytes measured beside it; and against the sum of
// the kernels' costs, by which programs are chosen. Programs come from the tuning database, as `compile` makes
// them: the default one, or that in the environment variable NNTUNE_BENCH_DB; without one they are untuned.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <optional>
#include <vector>

#include "base/bandwidth.h"
#include "base/peaks.h"
#include "base/statistics.h"
#include "compiler/import/model.h"
#include "compiler/kernels/family.h"
#include "compiler/module/build.h"
#include "compiler/module/model_program.h"
#include "compiler/runtime/session.h"
#include "cost_model/database_cost.h"
#include "db/database.h"
#include "db/query.h"

namespace nntune {
namespace {

constexpr std::int64_t kPrompt = 512;
constexpr std::int64_t kLongPrompt = 2048;
constexpr std::int64_t kTokens = 16;
/// Multiply-adds a token of the layers of Qwen3-0.6B, and of its head, which runs once a prompt.
constexpr double kLayerMacs = 440e6;
constexpr double kHeadMacs = 156e6;

struct Setup {
  Target target;
  std::shared_ptr<db::Database> database;
  std::optional<std::int64_t> target_id;
  std::unique_ptr<cost_model::DatabaseCostModel> costs;
};

Expected<Setup> set_up() {
  Setup setup;
  const char* given = std::getenv("NNTUNE_BENCH_DB");
  std::filesystem::path path = given != nullptr ? given : "";
  if (path.empty()) {
    NNTUNE_ASSIGN(path, db::default_path());
  }
  NNTUNE_ASSIGN(auto database, db::Database::open(path, db::Mode::read_only_if_there));
  setup.database = std::make_shared<db::Database>(std::move(database));
  NNTUNE_ASSIGN(setup.target, probe_target());
  NNTUNE_ASSIGN(const auto stored, db::find_target(*setup.database, setup.target));
  if (stored) setup.target = stored->latest;
  if (stored) setup.target_id = stored->id;
  NNTUNE_ASSIGN(setup.costs,
                cost_model::DatabaseCostModel::make(*setup.database, setup.target_id,
                                                    std::make_shared<cost_model::EstimateCostModel>(setup.target)));
  return setup;
}

struct Bench {
  std::unique_ptr<runtime::Session> session;
  extract::Program program;
  double kv_bytes = 0;  ///< of a token

  /// Sum of the costs of a step's kernels in seconds, as they were measured.
  [[nodiscard]] double sum(std::int64_t rows) const {
    const auto phase = std::ranges::find(program.phases, rows, &extract::PhaseProgram::rows);
    return phase == program.phases.end() ? 0 : phase->seconds();
  }
};

/// The same, with the kernels that wait for memory as much faster or slower as memory is now against when they were measured:
/// on a virtual machine it may be half as fast a minute later.
Expected<double> sum_now(const Setup& setup, const Bench& bench, std::int64_t rows, double read_bytes_per_s) {
  double sum = 0;
  for (const extract::PhaseProgram& phase : bench.program.phases) {
    if (phase.rows != rows) continue;
    for (const extract::SectionProgram& section : phase.sections) {
      for (const extract::KernelStep& step : section.steps) {
        NNTUNE_ASSIGN(const kernels::Family* family, kernels::find_family(step.workload));
        const int threads = step.workload.threads;
        const double usual = setup.costs->memory_speeds().usual(threads);
        const bool waits = kernels::waits_for_memory(family->work(step.workload, setup.target.isa), setup.target, threads);
        const double seconds = step.cost.seconds * (waits && usual > 0 ? usual / read_bytes_per_s : 1);
        sum += static_cast<double>(section.repeat) * seconds;
      }
    }
  }
  return sum;
}

Expected<Bench> make_bench(const Setup& setup, graph::DType dtype, int threads, benchmark::State& state) {
  NNTUNE_ASSIGN(const import::Model model, import::load_model("qwen3-0.6b", {}));
  NNTUNE_ASSIGN(const auto plan, module::plan_model(model.config, dtype, threads, setup.target.isa, *setup.costs));
  module::ObjectCache objects;
  NNTUNE_ASSIGN(const auto compiled,
                module::compile_program(plan.program, model, dtype, *setup.costs, setup.target.isa, objects));
  const auto tuned = std::ranges::count_if(compiled.plan.kernels, &runtime::Kernel::tuned);
  state.SetLabel(fmt::format("{} of {} kernels tuned", tuned, compiled.plan.kernels.size()));
  NNTUNE_ASSIGN(auto loaded, module::make_module(compiled, model));
  Bench bench;
  NNTUNE_ASSIGN(bench.session, runtime::Session::create(std::move(loaded), {.threads = threads, .ctx = kLongPrompt}));
  bench.program = plan.program;
  bench.kv_bytes = static_cast<double>(runtime::state_bytes_per_token(compiled.plan));
  return bench;
}

double seconds_of(const std::function<Status()>& work, benchmark::State& state) {
  const auto begin = std::chrono::steady_clock::now();
  if (const Status status = work(); !status) state.SkipWithError(status.error().message().c_str());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void model(benchmark::State& state, graph::DType dtype) {
  const int threads = static_cast<int>(state.range(0));
  const auto setup = set_up();
  if (!setup) return state.SkipWithError(setup.error().message().c_str());
  const auto bench = make_bench(*setup, dtype, threads, state);
  if (!bench) return state.SkipWithError(bench.error().message().c_str());
  runtime::Session& run = *bench->session;
  std::vector<std::int32_t> long_prompt(kLongPrompt);
  std::iota(long_prompt.begin(), long_prompt.end(), 100);
  const std::span<const std::int32_t> prompt(long_prompt.data(), kPrompt);

  const Peaks peaks = measure_peaks(setup->target.isa);
  const double fastest = dtype == graph::DType::bf16 ? std::max(peaks.bf16_dot, peaks.f32_fma) : peaks.f32_fma;
  std::vector<double> prefill, long_prefill, decode, read, of_sum;
  (void)run.prefill(prompt);
  run.module().wait_for_huge_pages();
  for ([[maybe_unused]] const auto _ : state) {
    run.rewind();
    long_prefill.push_back(seconds_of([&] { return run.prefill(long_prompt); }, state));
    run.rewind();
    prefill.push_back(seconds_of([&] { return run.prefill(prompt); }, state));
    decode.push_back(seconds_of(
                         [&]() -> Status {
                           for (std::int64_t i = 0; i < kTokens; ++i) NNTUNE_TRY(run.decode(run.argmax()));
                           return {};
                         },
                         state) /
                     kTokens);
    // What a token reads is all that is stored, but for the embedding, of which it reads a row, where the head has its own.
    const std::span<const std::byte> weights = run.module().weights();
    const double bytes = static_cast<double>(weights.size()) + bench->kv_bytes * (kPrompt + kTokens / 2);
    const double speed = measure_read_bandwidth(weights, threads, 1);
    read.push_back(bytes / speed);
    const auto sum = sum_now(*setup, *bench, 1, speed);
    if (!sum) return state.SkipWithError(sum.error().message().c_str());
    of_sum.push_back(*sum / decode.back());
    state.SetIterationTime(prefill.back() + kTokens * decode.back());
  }
  std::vector<double> of_read;
  for (std::size_t i = 0; i < read.size(); ++i) of_read.push_back(read[i] / decode[i]);
  const double macs = kLayerMacs * kPrompt + kHeadMacs;
  state.counters["pp512_tok_s"] = kPrompt / median(prefill);
  state.counters["pp512_of_peak"] = macs / median(prefill) / (fastest * threads);
  state.counters["pp2048_of_pp512"] = kLongPrompt / median(long_prefill) / (kPrompt / median(prefill));
  state.counters["pp512_sum_of_kernels"] = bench->sum(kPrompt) / median(prefill);
  state.counters["decode_sum_of_kernels"] = bench->sum(1) / median(decode);
  state.counters["decode_sum_with_drift"] = median(of_sum);
  state.counters["decode_tok_s"] = 1 / median(decode);
  state.counters["decode_of_read"] = median(of_read);
}

void bf16(benchmark::State& state) { model(state, graph::DType::bf16); }
void f32(benchmark::State& state) { model(state, graph::DType::f32); }
BENCHMARK(bf16)->Arg(2)->Arg(1)->ArgName("threads")->Iterations(5)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(f32)->Arg(2)->Arg(1)->ArgName("threads")->Iterations(3)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nntune
