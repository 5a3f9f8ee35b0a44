#include "tuner/measurer.h"

#include <llvm/Config/llvm-config.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "compiler/kernels/family.h"
#include "tuner/environment.h"
#include "tuner/operands.h"

namespace nntune::tuner {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
/// A candidate may be this much slower than the roofline before it counts as hanging.
constexpr double kSlowest = 50;
constexpr double kLeastLimitSeconds = 10;

db::Verdict verdict_of(const Prepared& prepared, const Timed& timed) {
  return prepared.verdict != db::Verdict::ok ? prepared.verdict : timed.verdict;
}

}  // namespace

std::string compiler_version() { return "llvm " LLVM_VERSION_STRING; }

std::chrono::milliseconds time_limit(const schedule::Workload& workload, const Target& target, double calls) {
  double roofline = 0;
  if (const auto family = kernels::find_family(workload)) {
    roofline = kernels::roofline_seconds((*family)->work(workload, target.isa), target, 1);
  }
  if (!std::isfinite(roofline)) roofline = 0;
  const double seconds = kLeastLimitSeconds + roofline * kSlowest * calls;
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(seconds, 3600.0) * 1e3));
}

Expected<std::vector<Measurer::Trial>> Measurer::prepare(const schedule::Workload& workload,
                                                         std::span<const schedule::Schedule> schedules) {
  std::vector<Candidate> candidates;
  for (const schedule::Schedule& schedule : schedules) candidates.push_back({workload, schedule, std::nullopt});
  NNTUNE_ASSIGN(std::vector<Prepared> prepared, pool_.prepare(candidates, limit(workload, 1)));
  std::vector<Trial> trials;
  for (std::size_t i = 0; i < prepared.size(); ++i) {
    trials.push_back({.schedule = schedules[i], .prepared = std::move(prepared[i]), .timed = {}});
    if (trials.back().prepared.verdict != db::Verdict::ok) NNTUNE_TRY(store(workload, trials.back()));
  }
  return trials;
}

Expected<bool> Measurer::time(const schedule::Workload& workload, Trial& trial, const TimingRequest& timing) {
  auto timed = pool_.time(trial.prepared, timing, limit(workload, 20));
  if (!timed) {
    if (timed.error().kind == ErrorKind::infeasible) return false;
    return tl::unexpected(timed.error());
  }
  auto& samples = trial.timed.samples_ns;
  samples.insert(samples.end(), timed->samples_ns.begin(), timed->samples_ns.end());
  if (timed->read_bytes_per_s > 0) provenance_.dram_read_bytes_per_s = timed->read_bytes_per_s;
  trial.timed.verdict = timed->verdict;
  trial.timed.environment = std::move(timed->environment);
  trial.timed.detail = std::move(timed->detail);
  return true;
}

db::Measurement Measurer::row_of(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                 const std::optional<Hash128>& object) const {
  db::Measurement row;
  row.target_id = provenance_.target_id;
  row.session_id = provenance_.session_id;
  row.workload = workload.text();
  row.family = workload.family();
  row.schedule = schedule.text();
  row.object_hash = object;
  row.compiler = compiler_version();
  row.nntune_version = provenance_.nntune_version;
  row.threads = workload.threads;
  row.dram_read_bytes_per_s = provenance_.dram_read_bytes_per_s;
  row.seed = static_cast<std::int64_t>(seed_of(workload));
  return row;
}

Status Measurer::store_in_program(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                  const Hash128& object, std::span<const double> samples, double read_bytes_per_s,
                                  double other_load_cores) {
  db::Measurement row = row_of(workload, schedule, object);
  row.dram_read_bytes_per_s = read_bytes_per_s;
  row.place = db::Place::program;
  // Of this process, which the program runs in; what was stolen and dropped is of the rounds before and not known here.
  Json environment = environment_now();
  environment["other_load_cores"] = other_load_cores;
  row.environment = environment.dump();
  for (const double seconds : samples) row.samples_ns.push_back(seconds * 1e9);
  NNTUNE_TRY(database_.insert_measurement(row));
  ++stored_;
  return {};
}

Status Measurer::store(const schedule::Workload& workload, const Trial& trial) {
  const bool prepared = trial.prepared.verdict == db::Verdict::ok;
  db::Measurement row = row_of(workload, trial.schedule, trial.prepared.object);
  row.verdict = verdict_of(trial.prepared, trial.timed);
  if (row.verdict == db::Verdict::ok) row.samples_ns = trial.timed.samples_ns;
  Json environment = trial.timed.environment.is_object() ? trial.timed.environment : Json::object();
  // Of the batch so far, which takes longer than a row and is known better.
  environment["other_load_cores"] = load_.cores(pool_.pids());
  row.environment = environment.dump();
  row.max_error = trial.prepared.max_error;
  row.tolerance = trial.prepared.tolerance;
  row.detail = prepared ? trial.timed.detail : trial.prepared.detail;
  NNTUNE_TRY(database_.insert_measurement(row));
  ++stored_;
  return {};
}

Status Measurer::play(const schedule::Workload& workload, Trial& trial, const TimingRequest& timing) {
  if (verdict_of(trial.prepared, trial.timed) != db::Verdict::ok) return {};
  NNTUNE_ASSIGN(bool timed, time(workload, trial, timing));
  if (!timed) {
    // Another candidate took its worker down: prepare it once more.
    NNTUNE_ASSIGN(std::vector<Prepared> again,
                  pool_.prepare(std::vector{Candidate{workload, trial.schedule, std::nullopt}}, limit(workload, 1)));
    trial.prepared = std::move(again.front());
    if (trial.prepared.verdict != db::Verdict::ok) return store(workload, trial);
    NNTUNE_ASSIGN(timed, time(workload, trial, timing));
  }
  // At once: a power cut loses the measurement in flight only.
  return timed ? store(workload, trial) : Status{};
}

Measurer::Result Measurer::result_of(const Trial& trial) {
  const db::Verdict verdict = verdict_of(trial.prepared, trial.timed);
  const bool ok = verdict == db::Verdict::ok && !trial.timed.samples_ns.empty();
  return {trial.schedule, verdict, ok ? median(trial.timed.samples_ns) * 1e-9 : kNever};
}

Expected<Measurer::Batch> Measurer::measure(const schedule::Workload& workload,
                                            std::span<const schedule::Schedule> schedules, const TimingRequest& timing,
                                            const std::optional<schedule::Schedule>& anchor) {
  load_ = OtherLoad(pool_.pids());
  std::vector<schedule::Schedule> all(schedules.begin(), schedules.end());
  if (anchor) all.push_back(*anchor);
  NNTUNE_ASSIGN(std::vector<Trial> trials, prepare(workload, all));
  Batch batch{.results = {}, .anchor_seconds = kNever};
  for (std::size_t i = 0; i < schedules.size(); ++i) {
    if (anchor && i == schedules.size() / 2 && trials.back().prepared.verdict == db::Verdict::ok) {
      TimingRequest patient = timing;
      patient.give_up_seconds = TimingRequest::kPatient;
      NNTUNE_ASSIGN([[maybe_unused]] const bool timed, time(workload, trials.back(), patient));
      batch.anchor_seconds = result_of(trials.back()).seconds;
    }
    TimingRequest request = timing;
    request.read_bandwidth = i == 0;  // it drifts from minute to minute; a batch takes a second
    NNTUNE_TRY(play(workload, trials[i], request));
    batch.results.push_back(result_of(trials[i]));
  }
  return batch;
}

}  // namespace nntune::tuner
