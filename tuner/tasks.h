/// Which workload to tune next: the one that may win most end to end.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "compiler/extract/explain.h"
#include "compiler/schedule/workload.h"
#include "tuner/evolution.h"

namespace nntune::tuner {

/// A workload under search.
struct Task {
  schedule::Workload workload;
  std::unique_ptr<Evolution> evolution;
  double share = 0;                          ///< of the time of the program; decode and prefill count half each
  double phase_share = 0;                    ///< the largest share of one phase alone
  bool in_start = false;                     ///< in the untuned program, to be compared with in the end
  bool chosen = false;                       ///< in today's program; else only an alternative to something in it
  double roofline_seconds = 0;               ///< lower bound of a call, with memory as it was for best_seconds()
  std::int64_t tried = 0;                    ///< schedules, of earlier sessions too
  std::int64_t stale = 0;                    ///< trials since the last improvement
  std::optional<schedule::Schedule> anchor;  ///< timed in each batch, to see the machine drift
  double anchor_seconds = 0;                 ///< when it became that
  double drift = 1;                          ///< its time in the last batch over that
  bool closed = false;                       ///< nothing left to try
  bool untunable = false;                    ///< it cannot be measured here

  /// As if the machine had always been as it was when the anchor was first timed.
  [[nodiscard]] double best_seconds() const { return evolution->best_seconds(); }
  /// 0..1, 0 if nothing was measured.
  [[nodiscard]] double roofline_fraction() const;
};

/// The tasks of all programs extracted so far.
class TaskList {
 public:
  /// A new task, with everything known of its workload from earlier sessions.
  using Open = std::function<Expected<Task>(const schedule::Workload&)>;

  explicit TaskList(Open open) : open_(std::move(open)) {}

  /// Takes over the chosen kernels of an extraction with their shares, and the close runners-up of its decisions
  /// and layouts.
  [[nodiscard]] Status update(const extract::Explanation& explanation);
  /// Adds the kernels of the untuned program; they are tuned only if they are chosen or close, too.
  [[nodiscard]] Status add_start(const extract::Explanation& explanation);

  /// The task on which the next trials are spent, null if none is left. First every workload of the program gets
  /// kCoverage trials if it takes more than kWorthTuning of a phase (kGlance otherwise), the larger first, and close
  /// alternatives a look; then share times room to the roofline decides, with diminishing returns.
  [[nodiscard]] Task* next();

  [[nodiscard]] const std::vector<std::unique_ptr<Task>>& tasks() const { return tasks_; }
  /// Chosen workloads, the largest share first.
  [[nodiscard]] std::vector<const Task*> chosen() const;

  static constexpr double kWorthTuning = 0.01;
  static constexpr std::int64_t kCoverage = 16;
  static constexpr std::int64_t kGlance = 2;
  static constexpr std::int64_t kAlternative = 6;

 private:
  [[nodiscard]] Expected<Task*> find_or_open(const schedule::Workload& workload);
  [[nodiscard]] Status add_for_layout(const std::vector<schedule::Workload>& workloads);

  Open open_;
  std::vector<std::unique_ptr<Task>> tasks_;
};

/// What further trials on a task may win, as a fraction of the end-to-end time.
[[nodiscard]] double expected_win(const Task& task);

}  // namespace nntune::tuner
