// How far measurements can be believed: what a duel takes, how often twins are told apart and 3 % more work is found. The full
// length is `nntune measure selftest`.
#include <benchmark/benchmark.h>

#include "base/target.h"
#include "tests/support/paths.h"
#include "tuner/selftest.h"

namespace nntune {
namespace {

void selftest(benchmark::State& state) {
  const auto target = probe_target();
  if (!target) return state.SkipWithError(target.error().message().c_str());
  tuner::SelftestOptions options;
  options.duels = static_cast<int>(state.range(0));
  options.worker_binary = test_support::nntune_binary();
  options.target = *target;
  for ([[maybe_unused]] const auto _ : state) {
    const auto report = tuner::selftest(options, [](const tuner::SelftestRow&) {});
    if (!report) return state.SkipWithError(report.error().message().c_str());
    state.counters["twins_told_apart"] = static_cast<double>(report->told_apart()) / report->twins();
    state.counters["slowed_found"] = static_cast<double>(report->found()) / report->slowed();
    state.counters["seconds_a_duel"] = report->seconds / (report->twins() + report->slowed());
  }
}
BENCHMARK(selftest)->Arg(48)->ArgName("duels")->Iterations(1)->UseRealTime()->Unit(benchmark::kSecond);

}  // namespace
}  // namespace nntune
