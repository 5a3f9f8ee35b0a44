/// How fast memory can be read when nothing is done with it: the bound of every kernel that streams weights.
#pragma once

#include "base/target.h"

#include <cstddef>
#include <span>

namespace nntune {

/// Bytes a second at which `threads` pinned threads together read `bytes` once, each its own contiguous part, with the
/// widest loads of this machine: the plain read to compare a kernel over the same bytes with. One pass warms up, then the
/// best of `passes` counts. Bytes short of a whole 512-byte step per thread are neither read nor counted.
/// \return 0 if `bytes` is too short for that
[[nodiscard]] double measure_read_bandwidth(std::span<const std::byte> bytes, int threads, int passes = 5);

struct ReadBandwidth {
  double l1 = 0;  ///< one core, bytes a second, as all of these
  double l2 = 0;
  double l3 = 0;
  double dram = 0;
  double dram_all_cores = 0;
};

/// Every level with buffers of its size: half of L1, half of L2, 8 x L2 (at most half of L3), and the larger of 512 MB and
/// 2 x L3 (at most a quarter of the available memory), on 2 MB pages where the kernel gives them. About 2 s.
/// Errors: io (no memory).
[[nodiscard]] Expected<ReadBandwidth> measure_all_levels(const Target& target);

/// Seconds one Barrier of `threads` pinned threads takes; the median of many batches, 0 for one thread.
[[nodiscard]] double measure_barrier(int threads);

}  // namespace nntune
