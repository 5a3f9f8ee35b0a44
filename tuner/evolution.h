/// Which schedules of one workload to try next: evolutionary search over its space, never the same schedule twice.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <unordered_set>
#include <vector>

#include "base/hash.h"
#include "compiler/schedule/schedule.h"

namespace nntune::tuner {

/// The population begins with what the estimate ranks best. Later proposals are mutated and crossed elite, and some at
/// random, of which the estimate picks the more promising: it orders well what nobody has measured, and what was measured
/// overrules it. A small space is enumerated, so that it can be exhausted.
class Evolution {
 public:
  using Estimate = std::function<double(const schedule::Schedule&)>;

  Evolution(schedule::Space space, Estimate estimate, std::uint64_t seed);

  /// What was tried before, or just now; infinity for a verdict that is not ok.
  void record(const schedule::Schedule& schedule, double seconds);
  /// The same where only the hash is known, so that it is not proposed again.
  void exclude(const Hash128& schedule) { seen_.insert(schedule); }

  /// Up to `count` schedules never recorded, excluded or proposed before; none when the space seems exhausted.
  [[nodiscard]] std::vector<schedule::Schedule> propose(std::size_t count);

  [[nodiscard]] bool exhausted() const { return exhausted_; }
  [[nodiscard]] double best_seconds() const { return elite_.empty() ? kNone : elite_.front().seconds; }
  /// Recorded with a finite time, best first, at most kEliteSize.
  struct Individual {
    schedule::Schedule schedule;
    double seconds = 0;
  };
  [[nodiscard]] const std::vector<Individual>& elite() const { return elite_; }

  static constexpr std::size_t kEliteSize = 8;

 private:
  static constexpr double kNone = std::numeric_limits<double>::infinity();

  void rank_first_population();
  [[nodiscard]] Expected<schedule::Schedule> offspring();
  [[nodiscard]] const Individual& pick_parent();

  schedule::Space space_;
  Estimate estimate_;
  std::mt19937_64 rng_;
  std::vector<Individual> elite_;
  std::vector<schedule::Schedule> ranked_;  ///< by estimate, the best last
  std::unordered_set<Hash128> seen_;
  bool enumerated_ = false;  ///< ranked_ holds the whole space
  bool exhausted_ = false;
};

}  // namespace nntune::tuner
