/// Where the time of a program goes, step by step, as it runs in a whole module: cold weights, barriers and all.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace nntune::runtime {

/// A stop watch with one list of times for each variant of each step (Session::set_variants). A step lasts from its first
/// instruction to that of the next step, so that waiting for slower threads is part of it and the sum is the whole. One
/// thread uses it.
class StepClock {
 public:
  StepClock(std::size_t steps, std::size_t variants) : variants_(variants), seconds_(steps * variants) {}

  void start(std::size_t step, std::size_t variant) {
    const auto now = Clock::now();
    add(now);
    running_ = &seconds_[step * variants_ + variant];
    begin_ = now;
  }
  void stop() {
    add(Clock::now());
    running_ = nullptr;
  }
  void clear() {
    for (auto& seconds : seconds_) seconds.clear();
  }

  /// Of each call since clear(), in all repetitions of the section.
  [[nodiscard]] const std::vector<double>& seconds(std::size_t step, std::size_t variant) const {
    return seconds_[step * variants_ + variant];
  }

 private:
  using Clock = std::chrono::steady_clock;

  void add(Clock::time_point now) {
    if (running_ == nullptr) return;
    running_->push_back(std::chrono::duration<double>(now - begin_).count());
  }

  std::size_t variants_;
  std::vector<std::vector<double>> seconds_;
  std::vector<double>* running_ = nullptr;
  Clock::time_point begin_;
};

}  // namespace nntune::runtime
