/// The operations of the tensor language: one vocabulary for the imported graph, the e-graph, and the kernels.
///
/// A kernel that does several things at once is the same operation with longer chains, e.g. RMSNorm fused into a matmul is
/// a step in its prologue. What every operation computes is defined by compiler/reference.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "compiler/graph/types.h"

namespace nntune::graph {

/// One link of a chain of row-wise work. The running value is a matrix [rows, columns]; a step may take one more operand.
enum class StepKind : std::uint8_t {
  rms,           ///< x / sqrt(mean(x^2) + eps) over each consecutive group of `group` columns (0 = the whole row)
  scale,         ///< x * w, operand w: f32[g], repeated along the row (g divides the columns)
  add,           ///< x + r, operand r: like x
  swiglu,        ///< silu(x) * u, operand u: like x; silu(x) = x / (1 + exp(-x))
  swiglu_split,  ///< silu(left half of the row) * right half: [m, 2n] -> [m, n]
  swiglu_pairs,  ///< the same where gate and up alternate in blocks of `group` columns: [m, 2n] -> [m, n]
  rope,          ///< rotary embedding, rotate-half form, on each consecutive head of `group` columns; operand:
                 ///< f32[?, group], the table of this model: row p = cos(p*f_i) for i < group/2, then sin(p*f_i);
                 ///< row i of x is at position past + i
  softmax,       ///< over the whole row
  cast,          ///< rounds to `dtype` (nearest even)
  quantise,      ///< rounds to i8 in blocks of `group` columns (TensorType::block), nearest even; what reads it, reads the
                 ///< values, integers times scales
  pack,          ///< changes the layout to `lanes` (on axes 0 and 1); always last
};

[[nodiscard]] std::string_view name(StepKind kind);

struct Step {
  StepKind kind = StepKind::cast;
  double eps = 0;                ///< rms
  std::int64_t group = 0;        ///< rms, swiglu_pairs, rope, quantise
  DType dtype = DType::f32;      ///< cast
  std::vector<Lane> lanes = {};  ///< pack

  auto operator<=>(const Step&) const = default;
  [[nodiscard]] int operands() const;  ///< how many further operands it takes: 0 or 1
  /// e.g. "rms(1e-06,128)", "scale", "cast(bf16)", "quantise(32)", "pack(0:8,1:2)"
  [[nodiscard]] std::string text() const;
  [[nodiscard]] static Expected<Step> parse(std::string_view text);
};

using Chain = std::vector<Step>;
/// Steps joined by '|', "" for none.
[[nodiscard]] std::string text(const Chain& chain);
[[nodiscard]] Expected<Chain> parse_chain(std::string_view text);
[[nodiscard]] int operands(const Chain& chain);

enum class OpKind : std::uint8_t {
  input,      ///< run-time tensor `name` of `type`
  weight,     ///< constant tensor `name` of `type`; "layers.*.…" names one tensor of each layer
  embed,      ///< (ids: i32[m], table: [V, H]) -> f32[m, H]
  rowwise,    ///< (x, operands of chain...) -> chain applied to x
  matmul,     ///< (x: [m, K], operands of prologue..., w: [N, K], operands of epilogue...) -> epilogue(prologue(x) w^T);
              ///< sums in f32 (of i8: in i32; of i8 in blocks: in i32 within a block, times both scales, then in f32);
              ///< after the matmul the running value is f32[m, N]
  attention,  ///< (q: [m, heads*d], operands of prologue..., k: [kv_heads, ?, d], v: likewise) -> f32[m, heads*d];
              ///< causal: row i sees positions 0 .. past+i; softmax(q k^T * scale) v; GQA: head h reads h*kv_heads/heads;
              ///< the epilogue (cast, quantise, pack) applies to the result.
              ///< With S > 1 splits, of one row and without epilogue: f32[1, S*heads*d + S*heads], what each split of the
              ///< positions gives for itself. The positions are blocks of kSplitBlock, B in all; split s has the blocks
              ///< s*B/S .. (s+1)*B/S. Columns (s*heads + h)*d ..: its softmax(q k^T * scale) v; column
              ///< S*heads*d + s*heads + h: log2 of its sum of exp(q k^T * scale). No positions: 0, and kNoPositions
  attention_merge,  ///< (parts: f32[1, S*heads*d + S*heads], as above) -> f32[1, heads*d]; the parts, each weighted by its sum of
                    ///< exponentials (Dao et al., Flash-Decoding, 2023); the epilogue as of attention
  cache_append,  ///< (x: [m, kv_heads*d], operands of chain..., cache: [kv_heads, ?, d]) -> cache with rows past..past+m set
  slice,         ///< (x: [m, C]) -> columns begin..end; with axis 0 (weights): rows begin..end
  concat,        ///< (w0: [n0, K], w1: [n1, K], ...) -> [n0+n1+..., K]; weights only
  interleave,    ///< (w0: [n, K], w1: [n, K]) -> [2n, K], alternating blocks of `group` rows; weights only
  transpose,     ///< (x: [m, n]) -> [n, m]; lanes stay with their dimension
  reshape,  ///< (x) -> the same elements in row-major order as `shape`, a vector or a matrix; lanes only on the last axis,
            ///< dividing it before and after
  pack,     ///< (x) -> x in layout `lanes`
  unpack,   ///< (x) -> x without lanes
  argmax,   ///< (logits: f32[m, V]) -> i32[m]; the lowest index among equals
};

[[nodiscard]] std::string_view name(OpKind kind);

/// Positions that the splits of attention share out together.
inline constexpr std::int64_t kSplitBlock = 32;
/// log2 of the sum of exponentials over no positions; finite, so that differences are ordinary numbers.
inline constexpr double kNoPositions = -1e30;

struct Op {
  OpKind kind = OpKind::input;
  std::string name = {};                 ///< input, weight
  TensorType type = {};                  ///< input, weight
  Chain prologue = {};                   ///< matmul, attention; the chain of rowwise and cache_append
  Chain epilogue = {};                   ///< matmul, attention, attention_merge
  std::int64_t heads = 0;                ///< attention, attention_merge
  std::int64_t kv_heads = 0;             ///< attention
  double scale = 0;                      ///< attention
  std::int64_t splits = 1;               ///< attention, attention_merge
  std::int64_t begin = 0;                ///< slice
  std::int64_t end = 0;                  ///< slice
  int axis = 1;                          ///< slice: 1 cuts columns, 0 rows
  std::int64_t group = 0;                ///< interleave
  std::vector<Lane> lanes = {};          ///< pack
  std::vector<std::int64_t> shape = {};  ///< reshape

  auto operator<=>(const Op&) const = default;

  /// Canonical text, e.g. "matmul{rms(1e-06,0)|scale;add}", "slice{0,2048}", "weight{layers.*.q_proj:bf16[2048,1024]}".
  [[nodiscard]] std::string text() const;
  [[nodiscard]] static Expected<Op> parse(std::string_view text);
};

/// The type of the result, or why these operands do not fit (the message names the operation).
[[nodiscard]] Expected<TensorType> infer_type(const Op& op, std::span<const TensorType> inputs);

/// The type after `chain` on a running value of type `x`; `extra` are the operands of the chain.
/// Arithmetic reads f32, bf16 and i8 and gives f32; the layout stays that of `x` until a pack.
[[nodiscard]] Expected<TensorType> infer_chain(const Chain& chain, const TensorType& x, std::span<const TensorType> extra);

[[nodiscard]] inline Op input(std::string name, TensorType type) {
  return {.kind = OpKind::input, .name = std::move(name), .type = std::move(type)};
}
[[nodiscard]] inline Op weight(std::string name, TensorType type) {
  return {.kind = OpKind::weight, .name = std::move(name), .type = std::move(type)};
}
[[nodiscard]] inline Op rowwise(Chain chain) { return {.kind = OpKind::rowwise, .prologue = std::move(chain)}; }
[[nodiscard]] inline Op matmul(Chain prologue = {}, Chain epilogue = {}) {
  return {.kind = OpKind::matmul, .prologue = std::move(prologue), .epilogue = std::move(epilogue)};
}

}  // namespace nntune::graph
