/// What a session takes beside the weights: one formula, for the session itself and for those who plan with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "compiler/runtime/plan.h"

namespace nntune::runtime {

/// States hold a multiple of this many tokens (kernel_abi.h).
inline constexpr std::int64_t kCapacityGranule = 64;

/// Bytes of a token in all states and layers.
[[nodiscard]] std::int64_t state_bytes_per_token(const Plan& plan);

struct SessionMemory {
  /// Where a state lies in the memory of a sequence: its layers one after the other.
  struct StatePlace {
    std::size_t offset = 0;
    std::size_t bytes = 0;  ///< of one layer
  };

  std::int64_t capacity = 0;         ///< tokens: the context, rounded up to whole blocks of attention
  std::vector<StatePlace> states{};  ///< as in Plan::states
  std::size_t sequence_bytes = 0;    ///< all states of a sequence
  std::size_t states_bytes = 0;      ///< of all sequences
  std::size_t arena_bytes = 0;       ///< intermediate results of the section that needs most
  std::size_t x_bytes = 0;           ///< one of the two buffers between sections that take turns
  std::size_t ids_bytes = 0;         ///< tokens of a step
  std::size_t rope_bytes = 0;        ///< the rotary table
  std::size_t scratch_bytes = 0;     ///< one thread

  [[nodiscard]] std::size_t activation_bytes() const { return arena_bytes + 2 * x_bytes + ids_bytes + rope_bytes; }
  [[nodiscard]] std::size_t total_bytes(int threads) const {
    return states_bytes + activation_bytes() + scratch_bytes * static_cast<std::size_t>(threads);
  }
};

/// \param plan  its kernels need no code, only their scratch_bytes
/// \param ctx   tokens the states of a sequence have room for
[[nodiscard]] SessionMemory session_memory(const Plan& plan, std::int64_t ctx, std::int64_t sequences = 1);

}  // namespace nntune::runtime
