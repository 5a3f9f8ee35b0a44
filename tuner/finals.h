/// The last word on each workload: its best schedules timed again in turn, all workloads within a short while.
///
/// Screening happened over minutes in which the machine drifted between modes (its memory bandwidth may double): the fastest
/// screening result is partly luck, and times of two workloads need not be comparable. Here they are.
#pragma once

#include <cstdint>
#include <set>

#include "base/error.h"
#include "cost_model/estimate_cost.h"
#include "db/database.h"
#include "tuner/measurer.h"
#include "tuner/tasks.h"

namespace nntune::tuner {

class Finals {
 public:
  Finals(Measurer& measurer, const db::Database& database, std::int64_t target_id,
         const cost_model::EstimateCostModel& defaults)
      : measurer_(measurer), database_(database), target_id_(target_id), defaults_(defaults) {}

  /// Times the default schedule and the best few in turn and stores the samples, which count from now on. As long as the
  /// database then prefers a schedule that was not among them, on the strength of a luckier hour, that one has to prove
  /// itself too.
  [[nodiscard]] Status play(Task& task);

  [[nodiscard]] bool played(const Task& task) const { return played_.contains(task.workload.hash()); }

 private:
  Measurer& measurer_;
  const db::Database& database_;
  std::int64_t target_id_;
  const cost_model::EstimateCostModel& defaults_;
  std::set<Hash128> played_;
};

}  // namespace nntune::tuner
