/// The fastest each arithmetic unit of one core can go: loops over registers only, no memory.
#pragma once

#include "base/target.h"

namespace nntune {

/// Multiply-adds a second of one core, 0 where there is no such unit.
struct Peaks {
  double f32_fma = 0;
  double bf16_dot = 0;
  double int8_dot = 0;
  double amx_bf16 = 0;
  double amx_int8 = 0;
};

/// Runs each unit of `isa`, which must be probed, for a tenth of a second on the allowed CPUs in turn and keeps the best
/// millisecond: what a core does when nobody disturbs it.
[[nodiscard]] Peaks measure_peaks(const Isa& isa);

/// What a usual core with these features does, for when nothing was measured. Right within a factor of two or so.
[[nodiscard]] Peaks default_peaks(const Isa& isa);

}  // namespace nntune
