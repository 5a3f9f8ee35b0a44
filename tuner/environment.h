/// What the machine did while something was measured: stored beside each measurement, so that an odd one can be judged later.
/// What other processes took stands there as "other_load_cores" (base/other_load.h); the search adds it, which knows its workers.
#pragma once

#include "base/json_fwd.h"
#include "base/other_load.h"

namespace nntune::tuner {

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
