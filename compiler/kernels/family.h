/// A workload family: how one kind of operation becomes loop nests. All are listed in registry.h.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/target.h"
#include "compiler/loopir/loopir.h"
#include "compiler/schedule/schedule.h"
#include "compiler/schedule/workload.h"

namespace nntune::kernels {

/// Work of one call by all threads together, for the roofline.
struct Work {
  double f32_macs = 0;          ///< multiply-adds that go through f32 FMA
  double bf16_macs = 0;         ///< multiply-adds that go through the bf16 dot
  double weight_bytes = 0;      ///< read once from DRAM (constants, KV cache)
  double activation_bytes = 0;  ///< read or written, likely in cache
};

/// One row of the table in registry.cpp; every function is given.
struct Family {
  std::string_view name;  ///< as the texts of its workloads begin
  /// "" if a kernel can be generated for this workload on this CPU, else the reason why not.
  std::string (*refuse)(const schedule::Workload& workload, const Isa& isa);
  Work (*work)(const schedule::Workload& workload, const Isa& isa);
  schedule::Space (*space)(const schedule::Workload& workload, const Target& target);
  /// Estimated seconds of one call, from the roofline and what is known of the schedule's losses (register tile, waste at
  /// the edges, cache blocks). Orders candidates before anything is measured.
  double (*estimate_seconds)(const schedule::Workload& workload, const schedule::Schedule& schedule, const Target& target);
  Expected<loopir::Function> (*build)(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                      const Isa& isa);
};

/// The family of a workload, or why there is none.
[[nodiscard]] Expected<const Family*> find_family(const schedule::Workload& workload);

/// The valid schedule with the lowest estimate that descents from a few fixed places find (small spaces: the lowest of all);
/// what `compile` uses with an empty database. The same on every run.
[[nodiscard]] Expected<schedule::Schedule> default_schedule(const schedule::Workload& workload, const Target& target);

/// What bounds a kernel from below, and by how much.
struct Roofline {
  double seconds = 0;
  std::string_view unit;  ///< "bf16 dot", "f32 FMA", "DRAM" or "L2"
  double amount = 0;      ///< multiply-adds or bytes of one call
  double peak = 0;        ///< of `threads` cores, a second
};
[[nodiscard]] Roofline roofline(const Work& work, const Target& target, int threads);

/// Whether a kernel's time is that of reading its weights and the KV cache: without them its bound would be less than half.
[[nodiscard]] bool waits_for_memory(const Work& work, const Target& target, int threads);

/// Lower bound in seconds: work over the measured peaks of `workload.threads` cores.
[[nodiscard]] double roofline_seconds(const Work& work, const Target& target, int threads);

}  // namespace nntune::kernels
