#include "tuner/timing.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace nntune::tuner {
namespace {

using Clock = std::chrono::steady_clock;

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

class TimedKernel {
 public:
  TimedKernel(const Operands& operands, runtime::KernelFn kernel, std::byte* scratch, std::size_t scratch_stride,
              runtime::Team& team)
      : operands_(operands), kernel_(kernel), scratch_(scratch), scratch_stride_(scratch_stride), team_(team) {}

  /// Seconds a call, over `calls` of them.
  double run(std::int64_t calls) {
    double seconds = 0;
    team_.run([&](int thread) {
      runtime::KernelCall call{.operands = nullptr,
                               .rows = rows_of(operands_.workload()),
                               .past = operands_.workload().past,
                               .thread = thread,
                               .threads = team_.threads(),
                               .scratch = scratch_ + static_cast<std::size_t>(thread) * scratch_stride_};
      std::size_t copy = next_copy_;
      team_.barrier().arrive_and_wait();
      const Clock::time_point begin = Clock::now();
      for (std::int64_t i = 0; i < calls; ++i) {
        call.operands = operands_.call(copy).data();
        kernel_(&call);
        team_.barrier().arrive_and_wait();
        copy = copy + 1 == operands_.copies() ? 0 : copy + 1;
      }
      if (thread == 0) seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    });
    next_copy_ = (next_copy_ + static_cast<std::size_t>(calls)) % operands_.copies();
    return seconds / static_cast<double>(calls);
  }

 private:
  const Operands& operands_;
  runtime::KernelFn kernel_;
  std::byte* scratch_;
  std::size_t scratch_stride_;
  runtime::Team& team_;
  std::size_t next_copy_ = 0;
};

}  // namespace

Timed time_kernel(const Operands& operands, runtime::KernelFn kernel, std::byte* scratch, std::size_t scratch_stride,
                  runtime::Team& team, const TimingRequest& request) {
  TimedKernel timed(operands, kernel, scratch, scratch_stride, team);
  timed.run(1);  // warm-up: code, page tables, the team awake
  const double first = std::min(timed.run(1), timed.run(1));

  const auto calls = static_cast<std::int64_t>(std::clamp(request.sample_seconds / std::max(first, 1e-9), 1.0, 1e6));
  const double sample_seconds = first * static_cast<double>(calls);
  int samples =
      std::clamp(static_cast<int>(std::min(request.budget_seconds / sample_seconds, 1e6)), 3, std::max(3, request.samples));
  if (first > request.give_up_seconds) samples = 2;

  SampleReporter reporter;
  benchmark::ClearRegisteredBenchmarks();
  benchmark::RegisterBenchmark("kernel",
                               [&](benchmark::State& state) {
                                 for (auto _ : state) state.SetIterationTime(timed.run(calls));
                               })
      ->Iterations(1)
      ->Repetitions(samples)
      ->UseManualTime();
  benchmark::RunSpecifiedBenchmarks(&reporter);
  benchmark::ClearRegisteredBenchmarks();
  return {
      .detail = "", .samples_ns = std::move(reporter.samples_ns), .copies = static_cast<std::int64_t>(operands.copies())};
}

}  // namespace nntune::tuner
