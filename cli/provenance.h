/// Where the cost of a kernel came from: which measurement and how sure it is, or which peaks it was estimated from.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/json_fwd.h"
#include "base/statistics.h"
#include "cli/costs.h"
#include "compiler/kernels/family.h"
#include "compiler/schedule/workload.h"
#include "db/records.h"

namespace nntune::cli {

using Sessions = std::map<std::int64_t, db::Session>;
/// Those of the database, by id.
[[nodiscard]] Expected<Sessions> read_sessions(const db::Database& database);

struct Provenance {
  // Measured:
  std::optional<db::Measurement> measurement;
  Interval interval_ns;  ///< of its median, 95 %
  std::optional<db::Session> session;
  // Estimated:
  double estimate_seconds = 0;  ///< of the default schedule on this machine's peaks, or on default ones
  double correction = 1;        ///< what kernels of its kind take when measured, over their estimates, with caution
  bool peaks_measured = false;
  double relative_error = 0;  ///< how far the estimate may be off
  // Both:
  double drift = 1;           ///< for the speed of the machine when it was measured
  double program_factor = 1;  ///< for a place in a program, 1 where it was timed there
  /// With memory as fast as it was read beside the measurement, else as `nntune target` found it.
  kernels::Roofline roofline;
  /// How near the time is to it, 1: there; a measured one at the moment of its measurement. Nothing where it is not known.
  std::optional<double> roofline_share;
  std::optional<double> other_load_cores;  ///< of the measurement; nothing where it was not noted
  int cores = 1;                           ///< of this machine
  std::string schedule;                    ///< JSON of the knobs; "" if there is none
};

[[nodiscard]] Provenance provenance_of(const schedule::Workload& workload, const Costs& costs, const Sessions& sessions);

/// E.g. "measured in a program 2026-11-21 06:49 UTC, 24 samples, 95 % 226 us .. 231 us; row 812, search session 1, nntune
/// 0.1.0".
[[nodiscard]] std::string text(const Provenance& provenance);
/// "40.1 MB at 38.2 GB/s of DRAM".
[[nodiscard]] std::string text(const kernels::Roofline& roofline);
[[nodiscard]] Json to_json(const Provenance& provenance);

}  // namespace nntune::cli
