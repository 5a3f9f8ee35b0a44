#include "tuner/repro.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/json.h"
#include "tuner/measurer.h"
#include "tuner/operands.h"
#include "tuner/worker_pool.h"

namespace nntune::tuner {
namespace {

/// More than screening takes: the question is about this one.
constexpr int kSamples = 15;
constexpr double kBudgetSeconds = 0.5;

Expected<Candidate> candidate_of(const db::Measurement& row) {
  NNTUNE_ASSIGN(const Json schedule, parse_json(row.schedule, fmt::format("the schedule of measurement {}", row.id)));
  auto candidate = Candidate::from_json({{"workload", row.workload}, {"schedule", schedule}});
  if (!candidate) {
    return fail(ErrorKind::bad_input, fmt::format("measurement {} cannot be read: {}", row.id, candidate.error().what),
                "it was stored by another version of nntune");
  }
  return candidate;
}

}  // namespace

Expected<Replay> replay(const db::Measurement& row, const Target& target, const std::filesystem::path& worker_binary) {
  NNTUNE_ASSIGN(const Candidate candidate, candidate_of(row));
  const schedule::Workload& workload = candidate.workload;
  Replay replay;
  replay.same_inputs = row.seed == static_cast<std::int64_t>(seed_of(workload));
  NNTUNE_ASSIGN(WorkerPool pool, WorkerPool::start(worker_binary, target, 1));
  // Beforehand, as in a search, so that the limit below is the kernel's alone. A failure shows again when it is prepared.
  NNTUNE_ASSIGN([[maybe_unused]] const auto reference, pool.compute_references({&workload, 1}, std::chrono::minutes(10)));
  NNTUNE_ASSIGN(const auto prepared, pool.prepare({&candidate, 1}, time_limit(workload, target, 1)));
  replay.verdict = prepared.front().verdict;
  replay.detail = prepared.front().detail;
  replay.object = prepared.front().object;
  replay.max_error = prepared.front().max_error;
  if (replay.verdict != db::Verdict::ok) return replay;

  TimingRequest timing;
  timing.samples = std::max(kSamples, static_cast<int>(row.samples_ns.size()));
  timing.budget_seconds = kBudgetSeconds;
  NNTUNE_ASSIGN(Timed timed, pool.time(prepared.front(), timing, time_limit(workload, target, 20)));
  replay.verdict = timed.verdict;
  replay.detail = std::move(timed.detail);
  replay.samples_ns = std::move(timed.samples_ns);
  return replay;
}

}  // namespace nntune::tuner
