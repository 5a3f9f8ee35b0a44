/// Costs from measurements where there are any, else estimates corrected by what the measurements say of the family.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "compiler/schedule/guesses.h"
#include "cost_model/estimate_cost.h"
#include "cost_model/memory_speed.h"
#include "cost_model/session_speed.h"
#include "db/database.h"
#include "db/records.h"

namespace nntune::cost_model {

/// How far a measured median may be off: noise of the machine.
inline constexpr double kMeasuredRelativeError = guesses::kMeasuredRelativeError;

/// How estimates stand against measurements in the choice of a program.
enum class Attitude {
  careful,  ///< an estimate must promise kCaution times less than a measurement to be preferred: for what is compiled
  curious,  ///< an estimate counts as it is: for what is measured next
};
inline constexpr double kCaution = guesses::kCaution;

/// The same for a workload that was timed in a worker only, where its kind was timed in programs, too.
inline constexpr double kWorkerCaution = guesses::kWorkerCaution;

/// A stored schedule, if today's space of the workload still has it: an upgrade may have changed the knobs.
[[nodiscard]] Expected<schedule::Schedule> read_schedule(const schedule::Workload& workload, const std::string& text,
                                                         const Target& target);

/// The database's best for (workload, target), always preferred. What was measured while memory was faster than usual is put in
/// terms of its usual speed (MemorySpeeds), what an older session timed in a program in those of the newest one (SessionSpeeds).
/// What was timed alone in a worker is multiplied with what kernels of its kind take in a program over what they take alone
/// (colder caches, waiting for each other). Else the estimate times one factor of its kind, the median of measured over estimated
/// for the workloads of that kind that were measured. Without it, an optimistic estimate would always beat what is known. A kind
/// is a family with one row or with more: what bounds them differs. Fast enough to be made anew after every batch: estimates are
/// shared.
class DatabaseCostModel : public extract::CostModel {
 public:
  /// \param target_id  measurements of this target count; none: no measurement does
  [[nodiscard]] static Expected<std::unique_ptr<DatabaseCostModel>> make(const db::Database& database,
                                                                         std::optional<std::int64_t> target_id,
                                                                         std::shared_ptr<const EstimateCostModel> estimates,
                                                                         Attitude attitude = Attitude::careful);

  [[nodiscard]] extract::Cost cost(const schedule::Workload& workload) const override;
  [[nodiscard]] Expected<schedule::Schedule> schedule(const schedule::Workload& workload) const override;

  /// The measurement behind a cost, if it is measured; for `explain`.
  [[nodiscard]] std::optional<db::Measurement> measurement(const schedule::Workload& workload) const;
  /// By kind, e.g. "matmul" and "matmul of one row": what estimates are multiplied with.
  [[nodiscard]] const std::map<std::string, double, std::less<>>& corrections() const { return corrections_; }
  /// By kind: time in a program over time in a worker.
  [[nodiscard]] const std::map<std::string, double, std::less<>>& program_factors() const { return program_factors_; }
  /// What the median of its measurement is multiplied with for the moment it was taken at, before program_factor(); 1 if not measured.
  [[nodiscard]] double drift(const schedule::Workload& workload) const;
  [[nodiscard]] const MemorySpeeds& memory_speeds() const { return memory_; }
  /// What an estimate of this workload is multiplied with before program_factor().
  [[nodiscard]] double correction(const schedule::Workload& workload) const;
  /// What a time in a worker, or an estimate, is multiplied with to become one in a program.
  [[nodiscard]] double program_factor(const schedule::Workload& workload) const;
  /// The first failure to read the database since; cost() then answered with estimates.
  [[nodiscard]] Status status() const;
  [[nodiscard]] const EstimateCostModel& estimates() const { return *estimates_; }

 private:
  struct Known {
    std::optional<db::Measurement> measurement;
    schedule::Schedule schedule;  ///< of the measurement, still valid in today's space
    double drift = 1;             ///< drift() of the measurement
  };
  DatabaseCostModel(const db::Database& database, std::optional<std::int64_t> target_id,
                    std::shared_ptr<const EstimateCostModel> estimates)
      : database_(&database), target_id_(target_id), estimates_(std::move(estimates)) {}
  [[nodiscard]] Status learn(Attitude attitude);
  [[nodiscard]] const Known& known(const schedule::Workload& workload) const;
  [[nodiscard]] double drift_of(const schedule::Workload& workload, const db::Measurement& measured) const;
  [[nodiscard]] Expected<Known> look_up(const schedule::Workload& workload) const;

  const db::Database* database_;
  std::optional<std::int64_t> target_id_;
  std::shared_ptr<const EstimateCostModel> estimates_;
  std::map<std::string, double, std::less<>> corrections_, program_factors_;
  MemorySpeeds memory_;
  SessionSpeeds sessions_;
  mutable std::mutex mutex_;
  mutable std::unordered_map<Hash128, std::unique_ptr<Known>> known_;
  mutable std::optional<Error> error_;
};

}  // namespace nntune::cost_model
