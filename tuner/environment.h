/// What the machine did while something was measured: stored beside each measurement, so that an odd one can be judged later.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"

namespace nntune::tuner {

/// CPU time of all CPUs since boot, in seconds; 0 where it cannot be read.
struct CpuTimes {
  double stolen_seconds = 0;  ///< the host ran others while we wanted to
  double busy_seconds = 0;    ///< of all processes
};
/// Reads a text in the form of /proc/stat.
[[nodiscard]] CpuTimes parse_cpu_times(const std::string& proc_stat);

/// {"huge_pages": "madvise", "huge_page_bytes": N, "cpu_mhz": F, "load_average": F}: the mode of transparent huge pages and how
/// much of this process' memory lies in them, the clock of the first CPU, the processes that wanted to run in the last minute.
/// What cannot be read is missing.
[[nodiscard]] Json environment_now();

/// Watches from its construction on.
class EnvironmentWatch {
 public:
  EnvironmentWatch();

  /// environment_now() and {"steal_seconds": F, "busy_seconds": F, "seconds": F} since construction, of all CPUs together.
  [[nodiscard]] Json so_far() const;

 private:
  CpuTimes begin_;
  double begin_seconds_ = 0;
};

}  // namespace nntune::tuner
