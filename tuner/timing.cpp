#include "tuner/timing.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

namespace nntune::tuner {
namespace {

/// A median needs three.
constexpr std::size_t kLeastSamples = 3;

/// Keeps the samples, prints nothing.
class SampleReporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration || run.iterations == 0) continue;
      samples_ns.push_back(run.real_accumulated_time / static_cast<double>(run.iterations) * 1e9);
    }
  }
  std::vector<double> samples_ns;
};

/// Without the samples that another process disturbed, unless too few would remain.
std::vector<double> undisturbed(const std::vector<double>& samples, const std::vector<bool>& disturbed) {
  std::vector<double> kept;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (i >= disturbed.size() || !disturbed[i]) kept.push_back(samples[i]);
  }
  return kept.size() >= std::min(kLeastSamples, samples.size()) ? kept : samples;
}

}  // namespace

Timed time_kernel(const Operands& operands, const CallableKernel& kernel, runtime::Team& team,
                  const TimingRequest& request) {
  CallClock clock(operands, team);
  (void)clock.run(kernel, 1);  // warm-up: code, page tables, the team awake
  const double first = std::min(clock.run(kernel, 1).seconds, clock.run(kernel, 1).seconds);

  const auto calls = static_cast<std::int64_t>(std::clamp(request.sample_seconds / std::max(first, 1e-9), 1.0, 1e6));
  const double sample_seconds = first * static_cast<double>(calls);
  int samples =
      std::clamp(static_cast<int>(std::min(request.budget_seconds / sample_seconds, 1e6)), 3, std::max(3, request.samples));
  if (first > request.give_up_seconds) samples = 2;

  SampleReporter reporter;
  std::vector<bool> preempted;
  benchmark::ClearRegisteredBenchmarks();
  benchmark::RegisterBenchmark("kernel",
                               [&](benchmark::State& state) {
                                 for (auto _ : state) {
                                   const CallClock::Sample sample = clock.run(kernel, calls);
                                   state.SetIterationTime(sample.seconds);
                                   preempted.push_back(sample.preempted);
                                 }
                               })
      ->Iterations(1)
      ->Repetitions(samples)
      ->UseManualTime();
  benchmark::RunSpecifiedBenchmarks(&reporter);
  benchmark::ClearRegisteredBenchmarks();
  Timed timed{.samples_ns = undisturbed(reporter.samples_ns, preempted)};
  timed.dropped = static_cast<std::int64_t>(reporter.samples_ns.size() - timed.samples_ns.size());
  timed.copies = static_cast<std::int64_t>(operands.copies());
  return timed;
}

}  // namespace nntune::tuner
