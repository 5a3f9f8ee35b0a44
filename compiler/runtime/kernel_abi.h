/// The calling convention of generated kernels; part of the module format.
///
/// It has room for what is to come: pages (KernelSequence::row_table), steps of several sequences of different lengths
/// (sequence_count), the rows that go to an expert (KernelCall::row_table). Today a call is of one sequence and both tables are
/// null, and kernels read the position of sequences[0] alone.
#pragma once

#include <cstdint>

namespace nntune::runtime {

/// One tensor: where it is and the distance between its rows.
struct KernelOperand {
  void* data;
  /// Row-major [m, C] activations: elements between rows (>= C, so a slice of columns is a view).
  /// States, e.g. keys [kv_heads, capacity, d]: capacity in tokens, a multiple of 64. Packed tensors and vectors: not read.
  std::int64_t stride;
};

/// The part of a call that is one sequence's: its next `length` tokens, whose rows follow those of the sequence before it.
struct KernelSequence {
  std::int64_t position;          ///< tokens in its states before this call
  std::int64_t length;            ///< tokens of this call
  const std::int64_t* row_table;  ///< where its tokens are in the states, by position; null: one after the other
};

/// One call of one kernel by one thread of a team. Every thread makes the call; the kernel takes its own part of the work.
struct KernelCall {
  const KernelOperand* operands;    ///< inputs in the order of the workload, then the output
  std::int64_t rows;                ///< of the activations this call works on, 1 <= rows <= rows of the workload
  const KernelSequence* sequences;  ///< sequence_count of them
  std::int64_t thread;              ///< 0 <= thread < threads
  std::int64_t threads;
  void* scratch;                  ///< of this thread alone, 64-byte aligned, as large as the kernel asked for
  std::int64_t sequence_count;    ///< at least 1
  std::int64_t tokens;            ///< of all sequences; `rows` may be fewer: the head runs on the last one
  const std::int64_t* row_table;  ///< which rows of the activations `rows` are; null: the first
};

/// A call for `sequence` alone, which must outlive it, by one thread; operands and scratch are the caller's to fill in.
[[nodiscard]] inline KernelCall call_for(const KernelSequence& sequence) {
  return {.operands = nullptr,
          .rows = sequence.length,
          .sequences = &sequence,
          .thread = 0,
          .threads = 1,
          .scratch = nullptr,
          .sequence_count = 1,
          .tokens = sequence.length,
          .row_table = nullptr};
}

/// Activation buffers have room for kRowPadding rows beyond `rows`: kernels may write (meaningless) values there and read
/// them back, so that a tile of rows needs no tail. States and outputs given to a user are written exactly.
inline constexpr std::int64_t kRowPadding = 32;

using KernelFn = void (*)(const KernelCall*);

/// Changes whenever the layout above does; stored in modules.
inline constexpr int kAbiVersion = 2;

}  // namespace nntune::runtime
