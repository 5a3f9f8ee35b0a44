#include "tuner/kernel_duel.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "base/clock.h"

namespace nntune::tuner {
namespace {

/// The median of few short batches: a timer interrupt hits one of them.
constexpr std::size_t kBatches = 5;
constexpr long kRegisterRounds = 10'000;
constexpr int kBarriers = 20;
/// How far calibrations of one round may lie apart. The clock of a core moves by less than this in a millisecond; the latency
/// between cores scatters, and a change of mode is a factor of six.
constexpr double kRegisterDrift = 1.1;
constexpr double kBarrierDrift = 2.0;
/// Calls shorter than this are preceded by one that is not timed: whoever follows itself would find its code in the caches.
constexpr double kShortCall = 1e-4;

/// A chain of additions: nothing but the clock of the core and its absence decide how long this takes.
void spin_in_registers(long rounds) { asm volatile("1:\n\tdec %0\n\tjnz 1b" : "+r"(rounds) : : "cc"); }

/// Seconds of one round of the loop, or of one barrier.
double calibrate(runtime::Team& team) {
  std::array<double, kBatches> batches{};
  const bool alone = team.threads() == 1;
  team.run([&](int thread) {
    for (double& batch : batches) {
      team.barrier().arrive_and_wait();
      const Clock::time_point begin = Clock::now();
      if (alone) {
        spin_in_registers(kRegisterRounds);
      } else {
        for (int i = 0; i < kBarriers; ++i) team.barrier().arrive_and_wait();
      }
      if (thread == 0) batch = seconds_since(begin) / static_cast<double>(alone ? kRegisterRounds : kBarriers);
    }
  });
  std::ranges::nth_element(batches, batches.begin() + kBatches / 2);
  return batches[kBatches / 2];
}

class Match {
 public:
  Match(const Operands& operands, std::span<const CallableKernel> kernels, runtime::Team& team, const DuelRequest& request)
      : clock_(operands, team), kernels_(kernels), team_(team), request_(request) {
    result_.samples_ns.resize(kernels.size());
  }

  DuelResult run() {
    choose_calls();
    const Clock::time_point begin = Clock::now();
    int look = request_.first_look;
    int kept = 0;
    calibration_ = calibrate(team_);
    for (std::size_t round = 0; kept < request_.most_rounds && seconds_since(begin) < request_.limit_seconds; ++round) {
      if (!play(round)) {
        ++result_.dropped;
        continue;
      }
      if (++kept < look) continue;
      look *= 2;
      if (all_clear()) break;
    }
    result_.calibration_ns = median(calibrations_) * 1e9;
    return std::move(result_);
  }

 private:
  /// As many for each, so that the turns of all are equal.
  void choose_calls() {
    double fastest = std::numeric_limits<double>::infinity();
    for (const CallableKernel& kernel : kernels_) {
      (void)clock_.run(kernel, 1);  // warm-up: code, page tables, the team awake
      for (int i = 0; i < 2; ++i) fastest = std::min(fastest, clock_.run(kernel, 1).seconds);
    }
    calls_ = static_cast<std::int64_t>(std::clamp(request_.sample_seconds / std::max(fastest, 1e-9), 1.0, 1e6));
    untimed_ = fastest < kShortCall ? 1 : 0;
  }

  /// False if the round does not count.
  bool play(std::size_t round) {
    std::vector<double> seconds(kernels_.size(), std::numeric_limits<double>::infinity());
    double lowest = calibration_;
    double highest = calibration_;
    bool preempted = false;
    for (const std::size_t turn : turns_of(kernels_.size(), round)) {
      const CallClock::Sample sample = clock_.run(kernels_[turn], calls_, untimed_);
      // What others do only ever adds time: the faster of two turns is the less disturbed. On a busy machine that makes the
      // interval of the ratio 0.6 to 0.75 times as wide as the mean of both does.
      seconds[turn] = std::min(seconds[turn], sample.seconds);
      preempted = preempted || sample.preempted;
      calibration_ = calibrate(team_);
      calibrations_.push_back(calibration_);
      lowest = std::min(lowest, calibration_);
      highest = std::max(highest, calibration_);
    }
    clock_.skip_copy();
    if (preempted || highest > lowest * (team_.threads() == 1 ? kRegisterDrift : kBarrierDrift)) return false;
    for (std::size_t i = 0; i < seconds.size(); ++i) result_.samples_ns[i].push_back(seconds[i] * 1e9);
    return true;
  }

  bool all_clear() const {
    for (std::size_t i = 1; i < kernels_.size(); ++i) {
      if (!is_clear(result_.contrast(i, request_), request_.margin)) return false;
    }
    return true;
  }

  CallClock clock_;
  std::span<const CallableKernel> kernels_;
  runtime::Team& team_;
  const DuelRequest& request_;
  std::int64_t calls_ = 1;
  std::int64_t untimed_ = 0;
  double calibration_ = 0;  ///< the newest
  std::vector<double> calibrations_;
  DuelResult result_;
};

}  // namespace

std::vector<std::size_t> turns_of(std::size_t candidates, std::size_t round) {
  std::vector<std::size_t> turns(2 * candidates);
  for (std::size_t i = 0; i < candidates; ++i) turns[i] = turns[2 * candidates - 1 - i] = (i + round) % candidates;
  return turns;
}

DuelResult duel_kernels(const Operands& operands, std::span<const CallableKernel> kernels, runtime::Team& team,
                        const DuelRequest& request) {
  return Match(operands, kernels, team, request).run();
}

}  // namespace nntune::tuner
