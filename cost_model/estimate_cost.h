/// Costs without measurements: what the kernel families estimate from the roofline and the losses of a schedule.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/hash.h"
#include "base/target.h"
#include "compiler/extract/cost_model.h"
#include "compiler/schedule/guesses.h"
#include "compiler/schedule/schedule.h"

namespace nntune::cost_model {

/// How far an estimate may be off; an optimist divides it out (OptimisticCostModel), `explain` prints it.
inline constexpr double kEstimateRelativeError = guesses::kEstimateRelativeError;

/// The estimate of the default schedule of each workload on one target; each workload is worked out once.
class EstimateCostModel : public extract::CostModel {
 public:
  explicit EstimateCostModel(Target target) : target_(std::move(target)) {}

  /// Seconds of the default schedule; infinity where the family refuses the workload on this CPU.
  [[nodiscard]] extract::Cost cost(const schedule::Workload& workload) const override;
  [[nodiscard]] Expected<schedule::Schedule> schedule(const schedule::Workload& workload) const override;

  [[nodiscard]] const Target& target() const { return target_; }

 private:
  struct Entry {
    std::once_flag once;
    double seconds = 0;
    Expected<schedule::Schedule> schedule = schedule::Schedule{};
  };
  [[nodiscard]] const Entry& entry(const schedule::Workload& workload) const;

  Target target_;
  mutable std::mutex mutex_;  ///< guards the map; an entry is filled outside it, once
  mutable std::unordered_map<Hash128, std::unique_ptr<Entry>> entries_;
};

}  // namespace nntune::cost_model
