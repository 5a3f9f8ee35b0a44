/// What the search and its worker processes say to each other: one JSON object a line, over a socket pair.
///
/// The search sends one setup, then requests; each is answered by one line before the next is sent. A worker that does not
/// answer was killed, crashed or hung, and worker_process.h tells which: that is a verdict too.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/statistics.h"
#include "base/target.h"
#include "compiler/codegen/object.h"
#include "compiler/schedule/schedule.h"
#include "compiler/schedule/workload.h"
#include "db/records.h"

namespace nntune::tuner {

/// The first line to a worker.
struct WorkerSetup {
  Target target;
  std::filesystem::path shared_folder;    ///< where workers share reference outputs
  std::int64_t memory_bytes = 4LL << 30;  ///< a worker may not grow beyond this

  [[nodiscard]] Json to_json() const;
  [[nodiscard]] static Expected<WorkerSetup> from_json(const Json& json);
};

/// What to prepare: a schedule of a workload; or machine code for it, by which the tests try real bad candidates.
struct Candidate {
  schedule::Workload workload;
  schedule::Schedule schedule;
  std::optional<codegen::ObjectCode> code;

  [[nodiscard]] Json to_json() const;
  [[nodiscard]] static Expected<Candidate> from_json(const Json& json);
};

/// Compiled, loaded and compared with the reference over the whole output.
struct Prepared {
  db::Verdict verdict = db::Verdict::ok;
  std::string detail;             ///< of a verdict that is not ok, for people
  std::optional<Hash128> object;  ///< of the machine code, if it compiled
  double max_error = db::Measurement::kUnknown;
  double tolerance = db::Measurement::kUnknown;
  int spills = 0;
  double compile_seconds = 0;
  double check_seconds = 0;
  // Where it waits to be timed; set by the search's side.
  std::size_t worker = 0;
  std::uint64_t generation = 0;
  std::uint64_t handle = 0;

  [[nodiscard]] Json to_json() const;
  [[nodiscard]] static Expected<Prepared> from_json(const Json& json);
};

/// How thoroughly to time.
struct TimingRequest {
  static constexpr double kPatient = 1e30;  ///< JSON has no infinity

  int samples = 7;
  /// Calls are repeated within a sample until it lasts this long.
  double sample_seconds = 1e-3;
  /// Slow kernels get fewer samples, at least three, to stay within this.
  double budget_seconds = 0.1;
  /// A candidate slower than this in its first calls gets two samples only: it cannot win.
  double give_up_seconds = kPatient;
  /// Then read the cold weights once more, to tell how fast memory is now.
  bool read_bandwidth = false;

  [[nodiscard]] Json to_json() const;
  [[nodiscard]] static Expected<TimingRequest> from_json(const Json& json);
};

struct Timed {
  db::Verdict verdict = db::Verdict::ok;
  std::string detail{};
  std::vector<double> samples_ns{};  ///< of one call by the whole team; empty unless ok
  std::int64_t copies = 1;           ///< of the weights that the calls went through in turn
  std::int64_t dropped = 0;          ///< samples that another process disturbed
  double read_bytes_per_s = 0;       ///< of memory by the same threads; 0: not asked for, or nothing is cold
  Json environment = nullptr;        ///< EnvironmentWatch; null: not known

  [[nodiscard]] Json to_json() const;
  [[nodiscard]] static Expected<Timed> from_json(const Json& json);
};

/// How long prepared candidates take turns. A round is one short sample of each, and again in the opposite order (A B B A); the
/// faster of the two counts.
struct DuelRequest {
  /// Calls are repeated within a sample until it lasts this long; shorter than a time slice of the scheduler.
  double sample_seconds = 5e-4;
  /// Rounds kept at which the duel may end early, doubling up to the last.
  int first_look = 16;
  int most_rounds = 1024;
  double limit_seconds = 4;
  /// A difference within this fraction is a tie, as in the database.
  double margin = 0.01;

  /// So that all looks together err in no more than 1 - kConfidence of the duels (Bonferroni).
  [[nodiscard]] double confidence_of_a_look() const;

  [[nodiscard]] Json to_json() const;
  [[nodiscard]] static Expected<DuelRequest> from_json(const Json& json);
};

struct DuelResult {
  db::Verdict verdict = db::Verdict::ok;
  std::string detail{};
  /// Of one call, by candidate and round, the faster of its two turns; all of equal length.
  std::vector<std::vector<double>> samples_ns{};
  std::int64_t dropped = 0;   ///< rounds during which the machine drifted or another process was given a core
  double calibration_ns = 0;  ///< median of what ran between the samples (kernel_duel.h)
  Json environment = nullptr;

  /// A later candidate against the first.
  [[nodiscard]] Contrast contrast(std::size_t challenger, const DuelRequest& request) const;

  [[nodiscard]] Json to_json() const;
  [[nodiscard]] static Expected<DuelResult> from_json(const Json& json);
};

}  // namespace nntune::tuner
