/// What a session takes beside the weights: one formula, for the session itself and for those who plan with it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "compiler/runtime/plan.h"

namespace nntune::runtime {

/// KV caches hold a multiple of this many tokens (kernel_abi.h).
inline constexpr std::int64_t kCapacityGranule = 64;

/// Bytes of a token's keys and values in all layers.
[[nodiscard]] std::int64_t kv_bytes_per_token(const ModelInfo& model);

struct SessionMemory {
  std::int64_t capacity = 0;      ///< tokens: the context, rounded up to whole blocks of attention
  std::size_t cache_bytes = 0;    ///< one cache of one layer
  std::size_t caches_bytes = 0;   ///< keys and values of all layers
  std::size_t arena_bytes = 0;    ///< intermediate results of the section that needs most
  std::size_t x_bytes = 0;        ///< one of the two buffers between sections that take turns
  std::size_t ids_bytes = 0;      ///< tokens of a step
  std::size_t rope_bytes = 0;     ///< the rotary table
  std::size_t scratch_bytes = 0;  ///< one thread

  [[nodiscard]] std::size_t activation_bytes() const { return arena_bytes + 2 * x_bytes + ids_bytes + rope_bytes; }
  [[nodiscard]] std::size_t total_bytes(int threads) const {
    return caches_bytes + activation_bytes() + scratch_bytes * static_cast<std::size_t>(threads);
  }
};

/// \param plan  its kernels need no code, only their scratch_bytes
/// \param ctx   tokens the KV cache has room for
[[nodiscard]] SessionMemory session_memory(const Plan& plan, std::int64_t ctx);

}  // namespace nntune::runtime
