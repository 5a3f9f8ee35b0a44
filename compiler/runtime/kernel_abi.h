/// The calling convention of generated kernels; part of the module format.
#pragma once

#include <cstdint>

namespace nntune::runtime {

/// One tensor: where it is and the distance between its rows.
struct KernelOperand {
  void* data;
  /// Row-major [m, C] activations: elements between rows (>= C, so a slice of columns is a view).
  /// KV caches [kv_heads, capacity, d]: capacity in tokens, a multiple of 64. Packed tensors and vectors: not read.
  std::int64_t stride;
};

/// One call of one kernel by one thread of a team. Every thread makes the call; the kernel takes its own part of the work.
struct KernelCall {
  const KernelOperand* operands;  ///< inputs in the order of the workload, then the output
  std::int64_t rows;              ///< tokens of this call, 1 <= rows <= rows of the workload
  std::int64_t past;              ///< tokens in the KV cache before this call
  std::int64_t thread;            ///< 0 <= thread < threads
  std::int64_t threads;
  void* scratch;  ///< of this thread alone, 64-byte aligned, as large as the kernel asked for
};

/// Activation buffers have room for kRowPadding rows beyond `rows`: kernels may write (meaningless) values there and read
/// them back, so that a tile of rows needs no tail. KV caches and outputs given to a user are written exactly.
inline constexpr std::int64_t kRowPadding = 32;

using KernelFn = void (*)(const KernelCall*);

/// Changes whenever the layout above does; stored in modules.
inline constexpr int kAbiVersion = 1;

}  // namespace nntune::runtime
