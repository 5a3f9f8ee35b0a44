/// The last word on the schedules: the best of each workload, which screening found in workers, take turns in the program.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "compiler/module/object_cache.h"
#include "cost_model/estimate_cost.h"
#include "db/database.h"
#include "tuner/measurer.h"
#include "tuner/program_timing.h"
#include "tuner/tasks.h"

namespace nntune::tuner {

class Finals {
 public:
  Finals(Measurer& measurer, const db::Database& database, std::int64_t target_id,
         const cost_model::EstimateCostModel& defaults, std::shared_ptr<module::ObjectCache> objects)
      : measurer_(measurer), database_(database), target_id_(target_id), defaults_(defaults), objects_(std::move(objects)) {}

  /// Times the incumbent of each task (the winner of earlier finals, else the default schedule), the default schedule, the best
  /// few and who has played before in the programs of the contestants, in as many rounds as fit into `seconds`, at least one,
  /// and stores all samples, which count from now on, those of the incumbent first (db::best()).
  /// What no worker has found right as the code is today is measured in one before.
  /// \param show  called before every round
  [[nodiscard]] Status play(std::vector<std::shared_ptr<Contestant>> contestants, std::span<Task* const> tasks,
                            double seconds, const std::function<void()>& show);

  [[nodiscard]] bool played(const Task& task) const { return players_.contains(task.workload.hash()); }

 private:
  struct Finalist {
    schedule::Schedule schedule;
    Hash128 object;
  };
  /// The incumbent first.
  [[nodiscard]] Expected<std::vector<schedule::Schedule>> candidates(const Task& task) const;
  /// Those that are right as the code is today, in the same order.
  [[nodiscard]] Expected<std::vector<Finalist>> verified(Task& task, const std::vector<schedule::Schedule>& schedules);

  Measurer& measurer_;
  const db::Database& database_;
  std::int64_t target_id_;
  const cost_model::EstimateCostModel& defaults_;
  std::shared_ptr<module::ObjectCache> objects_;
  std::map<Hash128, std::vector<schedule::Schedule>> players_;  ///< by workload: who has played
};

}  // namespace nntune::tuner
