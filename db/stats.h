/// What a tuning database holds, in numbers: `nntune db stats`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json_fwd.h"
#include "db/database.h"
#include "db/records.h"

namespace nntune::db {

struct Stats {
  struct TargetRow {
    std::int64_t id = 0;
    std::string short_name{};
    std::int64_t measurements = 0;
    std::int64_t workloads = 0;
    std::string first_seen{};  ///< UTC, ISO 8601
    std::string last_seen{};
  };
  struct FamilyRow {
    std::string family{};
    std::int64_t workloads = 0;
    std::int64_t tried = 0;  ///< schedules, each counted once for each target and workload
    std::int64_t ok = 0;     ///< those whose newest verdict is ok
    /// Median of the first ok schedule over that of the best, geometric mean over targets and workloads; NaN without any ok.
    double gain = Measurement::kUnknown;
  };

  std::filesystem::path path{};
  int schema = 0;
  std::int64_t size_bytes = 0;  ///< with the write-ahead log; 0: the file does not exist
  std::int64_t measurements = 0;
  std::int64_t workloads = 0;
  std::int64_t sessions = 0;
  std::string last_measured_at{};                ///< empty: nothing was measured
  std::vector<TargetRow> targets{};              ///< oldest first
  std::map<Verdict, std::int64_t> by_verdict{};  ///< every verdict
  std::vector<FamilyRow> families{};             ///< most tried first

  [[nodiscard]] Json to_json() const;
};

/// All of one moment, also while others write.
[[nodiscard]] Expected<Stats> collect_stats(const Database& database);

/// Tables for a terminal, at most 80 columns beside the path; ends with a newline.
[[nodiscard]] std::string render(const Stats& stats);

}  // namespace nntune::db
