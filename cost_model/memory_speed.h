/// How fast memory was when something was measured, and what that does to its time.
///
/// The memory of a virtual machine has modes that last for seconds: two cores read 33 GB/s now, 55 GB/s a moment later. A kernel
/// of decode that was timed in the fast one must not beat those that were not.
#pragma once

#include <map>
#include <span>

#include "base/target.h"
#include "compiler/schedule/workload.h"
#include "db/query.h"

namespace nntune::cost_model {

class MemorySpeeds {
 public:
  /// What memory gave during most of the timings in programs, for each number of threads, is its usual speed.
  MemorySpeeds(std::span<const db::ProgramTiming> timings, const Target& target);
  MemorySpeeds() = default;

  /// Bytes a second; 0: not known.
  [[nodiscard]] double usual(int threads) const;

  /// What a time that was measured while memory gave so many bytes a second is multiplied with to be one at the usual speed; 1 or
  /// more. 1 for kernels that do not wait for memory, where a speed is not known, and where memory was not faster by kNoise: a slow read
  /// may be one that was disturbed, and to take it for a slow mode would make a kernel look faster than any can be.
  [[nodiscard]] double to_usual(const schedule::Workload& workload, double read_bytes_per_s) const;

  /// A speed may be that of a single read, which is off by that much itself.
  static constexpr double kNoise = 1.25;

 private:
  Target target_;
  std::map<int, double> usual_;
};

}  // namespace nntune::cost_model
