// How far apart the duel of whole programs (tuner/end_to_end.h) finds two copies of one module: 0 is right. Each iteration packs and
// loads both anew, as what differs between copies is the pages they are given. The program is qwen3-0.6b's in bf16, untuned.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "compiler/module/model_program.h"
#include "cost_model/estimate_cost.h"
#include "tuner/end_to_end.h"

namespace nntune::tuner {
namespace {

constexpr int kCopies = 4;
constexpr int kRounds = 3;

Expected<CompiledContestant> compile(int threads) {
  NNTUNE_ASSIGN(const Target target, probe_target());
  NNTUNE_ASSIGN(auto model, import::load_model("qwen3-0.6b", {}));
  const auto costs = std::make_shared<cost_model::EstimateCostModel>(target);
  NNTUNE_ASSIGN(auto extraction, module::plan_model(model.config, graph::DType::bf16, threads, target.isa, *costs));
  return compile_contestant({.model = std::make_shared<import::Model>(std::move(model)),
                             .extraction = std::move(extraction),
                             .costs = costs,
                             .objects = std::make_shared<module::ObjectCache>(),
                             .dtype = graph::DType::bf16,
                             .isa = target.isa,
                             .threads = threads,
                             .measured_layers = model.config.layers});
}

Expected<Duel::Contrasts> duel_of_copies(const CompiledContestant& compiled) {
  NNTUNE_ASSIGN(auto first, load_contestant(compiled));
  NNTUNE_ASSIGN(auto second, load_contestant(compiled));
  Duel duel(std::move(first), std::move(second));
  for (int round = 0; round < kRounds; ++round) NNTUNE_TRY(duel.round());
  return duel.contrasts();
}

void copies(benchmark::State& state) {
  const auto compiled = compile(static_cast<int>(state.range(0)));
  if (!compiled) return state.SkipWithError(compiled.error().message().c_str());
  double prefill = 0;
  double decode = 0;
  for ([[maybe_unused]] const auto _ : state) {
    const auto contrasts = duel_of_copies(*compiled);
    if (!contrasts) return state.SkipWithError(contrasts.error().message().c_str());
    prefill = std::max(prefill, std::abs(std::log(contrasts->prefill.ratio)));
    decode = std::max(decode, std::abs(std::log(contrasts->decode.ratio)));
  }
  state.counters["prefill_apart_%"] = 100 * prefill;
  state.counters["decode_apart_%"] = 100 * decode;
}

BENCHMARK(copies)->ArgName("threads")->Arg(1)->Arg(2)->Iterations(kCopies)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace nntune::tuner
