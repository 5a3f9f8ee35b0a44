/// Measures schedules of a workload and stores each result at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/other_load.h"
#include "base/statistics.h"
#include "base/target.h"
#include "db/database.h"
#include "tuner/protocol.h"
#include "tuner/worker_pool.h"

namespace nntune::tuner {

/// What every row of a session says.
struct Provenance {
  std::int64_t target_id = 0;
  std::optional<std::int64_t> session_id;
  std::string nntune_version;
  double dram_read_bytes_per_s = db::Measurement::kUnknown;  ///< at first; measured again with each batch
};

/// "llvm 19.1.7": what makes the machine code.
[[nodiscard]] std::string compiler_version();

/// How long `calls` calls may take before a candidate counts as hanging: the roofline many times over.
[[nodiscard]] std::chrono::milliseconds time_limit(const schedule::Workload& workload, const Target& target, double calls);

class Measurer {
 public:
  Measurer(WorkerPool& pool, db::Database& database, const Target& target, Provenance provenance)
      : pool_(pool), database_(database), target_(target), provenance_(std::move(provenance)) {}

  struct Result {
    schedule::Schedule schedule;
    db::Verdict verdict = db::Verdict::ok;
    double seconds = 0;  ///< median of a call; infinity unless ok
  };

  struct Batch {
    std::vector<Result> results;
    double anchor_seconds = 0;  ///< infinity without an anchor
  };

  /// Compiles and checks all on all cores, then times one after the other. What crashes, hangs, takes too much memory or is
  /// wrong is stored with that verdict, and the rest goes on. `anchor` is timed in the middle of them and not stored: it
  /// tells how the machine has drifted. Errors: interrupted, or the database's.
  [[nodiscard]] Expected<Batch> measure(const schedule::Workload& workload, std::span<const schedule::Schedule> schedules,
                                        const TimingRequest& timing, const std::optional<schedule::Schedule>& anchor = {});

  /// Stores what ProgramTiming found of a schedule that a worker has found right; `samples` in seconds, at least one, how fast
  /// memory was meanwhile and what other processes took.
  [[nodiscard]] Status store_in_program(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                        const Hash128& object, std::span<const double> samples, double read_bytes_per_s,
                                        double other_load_cores);

  /// How fast memory was when it was read last, in bytes a second; NaN: not known.
  [[nodiscard]] double read_bytes_per_s() const { return provenance_.dram_read_bytes_per_s; }
  [[nodiscard]] const WorkerPool& pool() const { return pool_; }
  /// Rows stored so far.
  [[nodiscard]] std::int64_t stored() const { return stored_; }

 private:
  struct Trial {
    schedule::Schedule schedule;
    Prepared prepared;
    Timed timed;
  };
  [[nodiscard]] Expected<std::vector<Trial>> prepare(const schedule::Workload& workload,
                                                     std::span<const schedule::Schedule> schedules);
  [[nodiscard]] static Result result_of(const Trial& trial);
  /// Times, after preparing once more if need be, and stores.
  [[nodiscard]] Status play(const schedule::Workload& workload, Trial& trial, const TimingRequest& timing);
  /// Adds samples; false if its worker was replaced meanwhile.
  [[nodiscard]] Expected<bool> time(const schedule::Workload& workload, Trial& trial, const TimingRequest& timing);
  [[nodiscard]] Status store(const schedule::Workload& workload, const Trial& trial);
  [[nodiscard]] db::Measurement row_of(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                       const std::optional<Hash128>& object) const;
  [[nodiscard]] std::chrono::milliseconds limit(const schedule::Workload& workload, double calls) const {
    return time_limit(workload, target_, calls);
  }

  WorkerPool& pool_;
  db::Database& database_;
  const Target& target_;
  Provenance provenance_;
  OtherLoad load_;  ///< of this batch
  std::int64_t stored_ = 0;
};

}  // namespace nntune::tuner
