/// What the database remembers, as plain structs. Workloads and schedules are text here: the database knows nothing of the
/// compiler.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/target.h"

namespace nntune::db {

enum class Verdict { ok, wrong_result, crash, timeout, out_of_memory, compile_error };

inline constexpr Verdict kVerdicts[] = {Verdict::ok,      Verdict::wrong_result,  Verdict::crash,
                                        Verdict::timeout, Verdict::out_of_memory, Verdict::compile_error};

/// Where a candidate was timed.
enum class Place {
  worker,   ///< alone, called again and again in a worker process
  program,  ///< in its place in a whole program that ran: with the caches, barriers and memory it has there
};
[[nodiscard]] std::string_view to_string(Place place);

/// As stored and shown, e.g. "wrong_result".
[[nodiscard]] std::string_view to_string(Verdict verdict);
[[nodiscard]] Expected<Verdict> verdict_from_string(std::string_view text);

/// 32 hexadecimal digits; bad_input otherwise.
[[nodiscard]] Expected<Hash128> hash_from_hex(std::string_view hex);

/// Now in UTC with microseconds, e.g. "2025-03-09T14:05:06.123456Z". Sorts as text in order of time.
[[nodiscard]] std::string utc_now();

struct TargetRecord {
  std::int64_t id = 0;
  Target target{};  ///< as first measured: the identity
  Target latest{};  ///< the same kind with the best peaks and bandwidths of all runs (Target::best_with)
  std::string first_seen{};
  std::string last_seen{};
};

/// One candidate tried once on one target.
struct Measurement {
  static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

  // Set by the database.
  std::int64_t id = 0;
  std::string uid{};            ///< hash of the content
  double median_ns = kUnknown;  ///< of samples_ns; NaN without samples
  double min_ns = kUnknown;

  std::int64_t target_id = 0;
  std::optional<std::int64_t> session_id{};
  std::string workload{};  ///< canonical text; its hash128 is the key
  std::string family{};
  std::string schedule{};                ///< canonical JSON; its hash128 is the key
  std::optional<Hash128> object_hash{};  ///< of the machine code; none if it did not compile
  std::string compiler{};                ///< e.g. "llvm 19.1.7"
  std::string nntune_version{};
  int threads = 1;
  Place place = Place::worker;
  Verdict verdict = Verdict::ok;
  std::vector<double> samples_ns{};
  double max_error = kUnknown;  ///< against the reference; NaN: not compared, or the output had NaN
  double tolerance = kUnknown;
  double dram_read_bytes_per_s = kUnknown;  ///< at that time
  std::int64_t seed = 0;                    ///< of the random inputs
  std::string detail{};                     ///< e.g. the signal or the compiler's message; for people
  std::string created_at{};                 ///< UTC; empty when inserting: now
  std::string environment{};                ///< a JSON object: what the machine did meanwhile; empty: not known

  [[nodiscard]] Hash128 workload_hash() const { return hash128(workload); }
  [[nodiscard]] Hash128 schedule_hash() const { return hash128(schedule); }
};

/// End-to-end speed in tokens a second.
struct Throughput {
  double prefill_tok_per_s = 0;
  double decode_tok_per_s = 0;
  std::int64_t decode_context = 0;  ///< tokens in the KV cache where decode began; 0: not known
};

enum class Outcome { done, interrupted, failed };
[[nodiscard]] std::string_view to_string(Outcome outcome);

/// One run of a command that measures.
struct Session {
  std::int64_t id = 0;    ///< set by the database
  std::string command{};  ///< e.g. "search"
  std::string model{};
  std::string arguments{};  ///< as typed
  std::optional<std::int64_t> target_id{};
  int threads = 1;
  std::optional<double> budget_s{};
  std::string nntune_version{};
  std::string started_at{};           ///< UTC; empty when inserting: now
  std::string ended_at{};             ///< empty: still running, or killed
  std::optional<Outcome> outcome{};   ///< none: still running, or killed
  std::optional<Throughput> start{};  ///< what an empty database gives
  std::optional<Throughput> result{};
  std::optional<double> other_load_cores{};  ///< what other processes took meanwhile; none: still running, killed, or older
};

}  // namespace nntune::db
