/// Where the buffers of a section lie and where its threads must wait for each other; worked out once, at load.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "compiler/runtime/plan.h"

namespace nntune::runtime {

/// Buffers begin at multiples of this: a cache line pair, so that no line is shared between two of them.
inline constexpr std::uint64_t kBufferAlignment = 128;

struct Arrangement {
  /// Whether all threads wait before each step: it reads or overwrites what a step since the last wait wrote, or overwrites
  /// what one read. (Before the first step of a repetition they always wait; this is false there.)
  std::vector<bool> wait_before;
  /// Of each buffer, from the start of the arena; kNotInArena for the outputs of a section that is not the head, which
  /// outlive it.
  std::vector<std::uint64_t> offsets;
  std::uint64_t arena_bytes = 0;

  static constexpr std::uint64_t kNotInArena = std::numeric_limits<std::uint64_t>::max();
};

/// Buffers share memory only if a wait lies between their lives, so that sharing costs no further wait.
/// \param outputs_in_arena  true for the head, whose outputs are read before anything else runs
[[nodiscard]] Arrangement arrange(const Section& section, bool outputs_in_arena);

}  // namespace nntune::runtime
