/// Reading the tuning database. Every answer is about one target: nothing measured on another kind of machine is ever used.
///
/// When a schedule was measured more than once on a target, its newest measurement counts: a later one has more samples, or
/// is of the code that a newer compiler made. All of them stay in the database.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/statistics.h"
#include "base/target.h"
#include "db/database.h"
#include "db/records.h"

namespace nntune::db {

/// Medians within this fraction of the fastest are a tie.
inline constexpr double kTieFraction = 0.01;

/// A later measurement against an earlier one of the same workload; by pairs where both took turns in one program.
struct Comparison {
  Contrast contrast;
  bool by_pairs = false;
};
[[nodiscard]] Comparison compare(const Measurement& incumbent, const Measurement& challenger, double margin);

/// The measurement to compile from, none if there is none. Of the newest session that timed the workload in a program, because
/// candidates took turns there in the very place that counts: the schedule that was stored first, the incumbent, unless others
/// are faster with a confidence of kConfidence; then the fastest of those. Else the fastest in a worker with verdict ok. Of
/// near-ties (medians within 1 % of the fastest) the lowest schedule hash wins, so that the same rows give the same module,
/// byte for byte, in whichever order they were stored or merged.
[[nodiscard]] Expected<std::optional<Measurement>> best(const Database& database, std::int64_t target_id,
                                                        const Hash128& workload_hash);

/// The fastest `limit` schedules in a worker with verdict ok, one measurement each, by median and then schedule hash.
[[nodiscard]] Expected<std::vector<Measurement>> ranking(const Database& database, std::int64_t target_id,
                                                         const Hash128& workload_hash, std::size_t limit);

/// What best() chooses from, one measurement a schedule: first the one it returns, then the others by median and schedule hash;
/// at most `limit`.
[[nodiscard]] Expected<std::vector<Measurement>> contenders(const Database& database, std::int64_t target_id,
                                                            const Hash128& workload_hash, std::size_t limit);

/// The measurement with this row number, or whose uid begins so, with at least four digits. bad_input if there is none, or
/// more than one.
[[nodiscard]] Expected<Measurement> find_measurement(const Database& database, const std::string& id);

/// The canonical text of every workload ever measured, by hash.
[[nodiscard]] Expected<std::vector<std::string>> workloads(const Database& database);

struct Tried {
  Verdict verdict = Verdict::ok;
  double median_ns = Measurement::kUnknown;
  std::optional<Hash128> object_hash{};
};

/// What is known of each schedule that was ever measured in a worker, by schedule hash, so that a second run resumes.
[[nodiscard]] Expected<std::map<Hash128, Tried>> tried(const Database& database, std::int64_t target_id,
                                                       const Hash128& workload_hash);

struct Fastest {
  std::string workload;  ///< canonical text
  double median_ns = Measurement::kUnknown;
  double dram_read_bytes_per_s = Measurement::kUnknown;  ///< when that was measured
};

/// The shortest median of each workload ever measured well in a worker on this target, by workload hash; to compare estimates
/// with.
[[nodiscard]] Expected<std::vector<Fastest>> fastest_by_workload(const Database& database, std::int64_t target_id);

struct BothPlaces {
  std::string workload;  ///< canonical text
  std::optional<std::int64_t> program_session_id;
  double program_ns = Measurement::kUnknown;
  double program_read_bytes_per_s = Measurement::kUnknown;  ///< of memory, when that was measured
  double worker_ns = Measurement::kUnknown;
  double worker_read_bytes_per_s = Measurement::kUnknown;
};

/// The newest medians of each schedule that was timed in both places, by workload and schedule hash: what a kernel takes in a
/// program beyond what it takes alone.
[[nodiscard]] Expected<std::vector<BothPlaces>> both_places(const Database& database, std::int64_t target_id);

struct ProgramTiming {
  std::int64_t session_id = 0;
  std::string workload;  ///< canonical text
  Hash128 schedule_hash;
  double median_ns = Measurement::kUnknown;
  double dram_read_bytes_per_s = Measurement::kUnknown;
};

/// All that was timed well in programs by sessions on this target, oldest first.
[[nodiscard]] Expected<std::vector<ProgramTiming>> program_timings(const Database& database, std::int64_t target_id);

/// Which rows; what is not given does not restrict.
struct Filter {
  std::optional<std::int64_t> target_id{};
  std::optional<Hash128> workload_hash{};
  std::optional<std::string> family{};
  std::optional<std::int64_t> session_id{};
};

/// Every row, oldest first; for learning and for reports.
[[nodiscard]] Expected<std::vector<Measurement>> measurements(const Database& database, const Filter& filter = {});

/// Oldest first.
[[nodiscard]] Expected<std::vector<TargetRecord>> targets(const Database& database);

/// The stored target of the same kind (Target::same_kind), none if there is none. For a machine that was only probed (its
/// peaks are defaults) that is one with the same features, caches and cores: of several the measured one last seen.
[[nodiscard]] Expected<std::optional<TargetRecord>> find_target(const Database& database, const Target& target);

/// Newest first.
[[nodiscard]] Expected<std::vector<Session>> sessions(const Database& database);

/// Number of measurements, of one session if given.
[[nodiscard]] Expected<std::int64_t> count_measurements(const Database& database, const Filter& filter = {});

}  // namespace nntune::db
