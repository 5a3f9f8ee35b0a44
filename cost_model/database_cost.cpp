#include "cost_model/database_cost.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/json.h"
#include "base/statistics.h"
#include "compiler/kernels/family.h"
#include "db/query.h"

namespace nntune::cost_model {
namespace {

/// Beyond this something else is wrong than the estimate.
constexpr double kLargestCorrection = 10;

using ByKind = std::map<std::string, std::vector<double>>;

/// The median of each kind, times `caution`.
std::map<std::string, double, std::less<>> factors(ByKind ratios, double caution) {
  std::map<std::string, double, std::less<>> result;
  for (auto& [kind, values] : ratios) {
    result[kind] = std::clamp(median(std::move(values)), 1 / kLargestCorrection, kLargestCorrection) * caution;
  }
  return result;
}

std::string kind_of(const schedule::Workload& workload) {
  return std::string(workload.family()) + (workload.one_row() ? " of one row" : "");
}

double factor_of(const std::map<std::string, double, std::less<>>& factors, const schedule::Workload& workload) {
  const auto found = factors.find(kind_of(workload));
  return found == factors.end() ? 1.0 : found->second;
}

}  // namespace

Expected<schedule::Schedule> read_schedule(const schedule::Workload& workload, const std::string& text,
                                           const Target& target) {
  NNTUNE_ASSIGN(const kernels::Family* family, kernels::find_family(workload));
  if (const std::string why = family->refuse(workload, target.isa); !why.empty()) return fail(ErrorKind::unsupported, why);
  NNTUNE_ASSIGN(const Json json, parse_json(text, "stored schedule"));
  return family->space(workload, target).read(json);
}

Expected<std::unique_ptr<DatabaseCostModel>> DatabaseCostModel::make(const db::Database& database,
                                                                     std::optional<std::int64_t> target_id,
                                                                     std::shared_ptr<const EstimateCostModel> estimates,
                                                                     Attitude attitude) {
  std::unique_ptr<DatabaseCostModel> model(new DatabaseCostModel(database, target_id, std::move(estimates)));
  NNTUNE_TRY(model->learn(attitude));
  return model;
}

Status DatabaseCostModel::learn(Attitude attitude) {
  if (!target_id_) return {};
  const bool careful = attitude == Attitude::careful;
  NNTUNE_ASSIGN(std::vector<db::ProgramTiming> timings, db::program_timings(*database_, *target_id_));
  memory_ = MemorySpeeds(timings, estimates_->target());
  for (db::ProgramTiming& timing : timings) {
    const auto workload = schedule::Workload::parse(timing.workload);
    if (workload) timing.median_ns *= memory_.to_usual(*workload, timing.dram_read_bytes_per_s);
  }
  sessions_ = SessionSpeeds(timings);

  NNTUNE_ASSIGN(const std::vector<db::Fastest> all, db::fastest_by_workload(*database_, *target_id_));
  ByKind ratios;
  for (const db::Fastest& fastest : all) {
    const auto workload = schedule::Workload::parse(fastest.workload);
    if (!workload) continue;  // of a newer or older version
    const double estimate = estimates_->cost(*workload).seconds;
    const double seconds = fastest.median_ns * 1e-9 * memory_.to_usual(*workload, fastest.dram_read_bytes_per_s);
    if (std::isfinite(estimate)) ratios[kind_of(*workload)].push_back(seconds / estimate);
  }
  corrections_ = factors(std::move(ratios), careful ? kCaution : 1.0);

  NNTUNE_ASSIGN(const std::vector<db::BothPlaces> both, db::both_places(*database_, *target_id_));
  ByKind slowdowns;
  for (const db::BothPlaces& places : both) {
    if (const auto workload = schedule::Workload::parse(places.workload)) {
      const std::optional<std::int64_t> session = places.program_session_id;
      const double in_program = places.program_ns * memory_.to_usual(*workload, places.program_read_bytes_per_s) *
                                (session ? sessions_.to_newest(*session, workload->one_row()) : 1);
      const double alone = places.worker_ns * memory_.to_usual(*workload, places.worker_read_bytes_per_s);
      slowdowns[kind_of(*workload)].push_back(in_program / alone);
    }
  }
  program_factors_ = factors(std::move(slowdowns), careful ? kWorkerCaution : 1.0);
  return {};
}

Expected<DatabaseCostModel::Known> DatabaseCostModel::look_up(const schedule::Workload& workload) const {
  Known known;
  if (!target_id_) return known;
  NNTUNE_ASSIGN(known.measurement, db::best(*database_, *target_id_, workload.hash()));
  if (!known.measurement) return known;
  if (auto schedule = read_schedule(workload, known.measurement->schedule, estimates_->target())) {
    known.schedule = std::move(*schedule);
    return known;
  }
  // The best is no longer possible: the next best that is.
  known.measurement.reset();
  NNTUNE_ASSIGN(const auto ranking, db::ranking(*database_, *target_id_, workload.hash(), 100));
  for (const db::Measurement& candidate : ranking) {
    auto schedule = read_schedule(workload, candidate.schedule, estimates_->target());
    if (!schedule) continue;
    known.measurement = candidate;
    known.schedule = std::move(*schedule);
    break;
  }
  return known;
}

const DatabaseCostModel::Known& DatabaseCostModel::known(const schedule::Workload& workload) const {
  const std::lock_guard lock(mutex_);
  auto& slot = known_[workload.hash()];
  if (!slot) {
    auto found = look_up(workload);
    if (found && found->measurement) found->drift = drift_of(workload, *found->measurement);
    if (!found && !error_) error_ = found.error();
    slot = std::make_unique<Known>(found ? std::move(*found) : Known{});
  }
  return *slot;
}

extract::Cost DatabaseCostModel::cost(const schedule::Workload& workload) const {
  const Known& known = this->known(workload);
  if (known.measurement) {
    const db::Measurement& measured = *known.measurement;
    const double place = measured.place == db::Place::worker ? program_factor(workload) : 1;
    return {measured.median_ns * 1e-9 * known.drift * place, extract::CostSource::measured, kMeasuredRelativeError};
  }
  extract::Cost cost = estimates_->cost(workload);
  cost.seconds *= correction(workload) * program_factor(workload);
  return cost;
}

Expected<schedule::Schedule> DatabaseCostModel::schedule(const schedule::Workload& workload) const {
  const Known& known = this->known(workload);
  return known.measurement ? known.schedule : estimates_->schedule(workload);
}

std::optional<db::Measurement> DatabaseCostModel::measurement(const schedule::Workload& workload) const {
  return known(workload).measurement;
}

double DatabaseCostModel::drift(const schedule::Workload& workload) const { return known(workload).drift; }

double DatabaseCostModel::drift_of(const schedule::Workload& workload, const db::Measurement& measured) const {
  const bool in_session = measured.place == db::Place::program && measured.session_id;
  return memory_.to_usual(workload, measured.dram_read_bytes_per_s) *
         (in_session ? sessions_.to_newest(*measured.session_id, workload.one_row()) : 1);
}

double DatabaseCostModel::correction(const schedule::Workload& workload) const { return factor_of(corrections_, workload); }

double DatabaseCostModel::program_factor(const schedule::Workload& workload) const {
  return factor_of(program_factors_, workload);
}

Status DatabaseCostModel::status() const {
  const std::lock_guard lock(mutex_);
  return error_ ? Status(tl::unexpected(*error_)) : Status{};
}

}  // namespace nntune::cost_model
