/// Where the time of a program goes, step by step, as it runs in a whole module: cold weights, barriers and all.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace nntune::runtime {

/// A stop watch with one counter a step. A step lasts from its first instruction to that of the next step, so that waiting
/// for slower threads is part of it and the sum is the whole. One thread uses it.
class StepClock {
 public:
  explicit StepClock(std::size_t steps) : seconds_(steps, 0.0) {}

  void start(std::size_t step) {
    const auto now = Clock::now();
    if (running_ != kNone) seconds_[running_] += std::chrono::duration<double>(now - begin_).count();
    running_ = step;
    begin_ = now;
  }
  void stop() {
    if (running_ != kNone) start(running_);
    running_ = kNone;
  }
  void clear() { seconds_.assign(seconds_.size(), 0.0); }

  /// Seconds by step since clear(), of all repetitions of its section together.
  [[nodiscard]] const std::vector<double>& seconds() const { return seconds_; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  std::vector<double> seconds_;
  std::size_t running_ = kNone;
  Clock::time_point begin_;
};

}  // namespace nntune::runtime
