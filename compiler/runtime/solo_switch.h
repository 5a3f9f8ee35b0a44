/// Whether a team works together or its first thread alone: on a busy machine a team is as slow as its unluckiest thread.
#pragma once

#include <cstdint>

namespace nntune::runtime {

/// With other processes on the cores, a thread is often off its core when the rest waits for it at a barrier, and two threads
/// get less done than one. This watches the runs of one phase. As long as nobody sleeps at barriers the team works and nothing
/// is tried. Else one thread tries some runs, and from then on whoever is faster works, the other one being tried again from
/// time to time.
class SoloSwitch {
 public:
  /// Runs of a trial; the team has shown as many before.
  static constexpr int kTrial = 4;
  /// Runs between two trials.
  static constexpr int kPeriod = 32;
  /// At this fraction of barriers somebody slept: the machine is busy.
  static constexpr double kBusy = 0.05;

  /// Does the next run belong to one thread?
  [[nodiscard]] bool alone() const { return alone_; }

  /// After a run: its seconds, and the fraction of its barriers at which somebody slept (of a run alone: 0).
  void record(double seconds, double slept) {
    sum_ += seconds;
    slept_ += slept;
    if (++runs_ < (trial_ ? kTrial : length_)) return;
    const double mean = sum_ / runs_;
    const bool busy = slept_ / runs_ > kBusy;
    sum_ = slept_ = 0;
    runs_ = 0;
    if (trial_) {
      // The other way is known from before.
      if (mean >= other_mean_) alone_ = !alone_;
      trial_ = false;
      length_ = kPeriod;
    } else if (alone_ || busy) {
      other_mean_ = mean;
      alone_ = !alone_;
      trial_ = true;
    } else {
      length_ = kTrial;
    }
  }

 private:
  bool alone_ = false;
  bool trial_ = false;
  int length_ = kTrial;  ///< runs until the next look
  int runs_ = 0;
  double sum_ = 0;
  double slept_ = 0;
  double other_mean_ = 0;
};

}  // namespace nntune::runtime
