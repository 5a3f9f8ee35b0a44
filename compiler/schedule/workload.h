/// What a kernel computes: the unit of measuring and of the tuning database.
#pragma once

#include <cassert>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "compiler/graph/op.h"

namespace nntune::schedule {

/// Operations of the tensor language with the types of their operands, and how many threads share them. Each reads the result of the one
/// before as its first operand; every kernel of today does one.
struct Workload {
  std::vector<graph::Op> ops;
  std::vector<graph::TensorType> inputs;  ///< of the first, then the further ones of the second, and so on
  graph::TensorType output;
  std::int64_t past = 0;  ///< tokens in the KV cache when it is measured; a run-time value of the kernel (attention, rope)
  int threads = 1;

  /// Canonical text, e.g. "matmul{rms(1e-06,0)|scale;add}(f32[512,1024],f32[1024],bf16[1024,1024]<0:32,1:2>,f32[512,1024])
  /// ->f32[512,1024] past=0 t=2" on one line; several operations are joined by '>'. Fields behind the type have names, and a new one
  /// is left out at its default, so that texts, which are the keys of the database, stay. parse(text()) is the same workload.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] Hash128 hash() const { return hash128(text()); }
  [[nodiscard]] static Expected<Workload> parse(std::string_view text);
  /// The only operation (asserted).
  [[nodiscard]] const graph::Op& op() const {
    assert(ops.size() == 1);
    return ops.front();
  }
  /// Infers the output type.
  [[nodiscard]] static Expected<Workload> make(std::vector<graph::Op> ops, std::vector<graph::TensorType> inputs,
                                               std::int64_t past, int threads);
  [[nodiscard]] static Expected<Workload> make(graph::Op op, std::vector<graph::TensorType> inputs, std::int64_t past,
                                               int threads);

  /// Name of its family: "matmul", "attention", "attention_merge", "rowwise", "cache_append", "embed", "argmax"; of several
  /// operations all names, joined by '>'.
  [[nodiscard]] std::string family() const;
  /// Of decode; what bounds it differs from what bounds many rows.
  [[nodiscard]] bool one_row() const { return !inputs.empty() && !inputs[0].shape.empty() && inputs[0].shape[0] == 1; }
};

/// Operand positions of a workload in `inputs`.
struct OperandMap {
  std::size_t x = 0;         ///< the running value of the prologue
  std::size_t prologue = 1;  ///< first operand of the prologue's steps
  std::size_t w = 1;         ///< first of OpTraits::middle operands: matmul: the weights; attention: k, with v behind it
  std::size_t middle = 0;
  std::size_t epilogue = 2;  ///< first operand of the epilogue's steps
};
[[nodiscard]] OperandMap operand_map(const graph::Op& op);

/// Whether operand `index` is a state: memory of a sequence that outlives the step.
[[nodiscard]] bool is_state_operand(const graph::Op& op, std::size_t index);
/// The axis of the tokens of a state, which is the one only known at run time.
[[nodiscard]] std::size_t token_axis(const graph::TensorType& state);

}  // namespace nntune::schedule
