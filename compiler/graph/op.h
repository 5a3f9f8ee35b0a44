/// The operations of the tensor language: one vocabulary for the imported graph, the e-graph, and the kernels.
///
/// A kernel that does several things at once is the same operation with longer chains, e.g. RMSNorm fused into a matmul is
/// a step in its prologue. What every operation computes is defined by compiler/reference. What else is to be known of an
/// operation is its row of kOps (docs/extending.md).
#pragma once

#include <array>
#include <cassert>
#include <compare>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/enum_table.h"
#include "base/error.h"
#include "compiler/graph/step.h"
#include "compiler/graph/types.h"

namespace nntune::graph {

/// In the order of the structs below that hold what each has.
enum class OpKind : std::uint8_t {
  input,
  state,
  weight,
  embed,
  rowwise,
  matmul,
  attention,
  attention_merge,
  cache_append,
  slice,
  concat,
  interleave,
  transpose,
  reshape,
  pack,
  unpack,
  argmax,
};

/// What becomes of an operation whose operands are known at run time only.
enum class RunTime : std::uint8_t {
  leaf,           ///< it has no operands: a buffer or a stored weight
  kernel,         ///< a workload of its own
  pack_step,      ///< a row-wise kernel with this layout as its only step
  view,           ///< columns of a wider buffer, without work
  ahead_of_time,  ///< nothing: it is computed for constants only
};

struct OpTraits {
  OpKind kind;
  std::string_view name;  ///< in canonical texts, and of its kernel family
  RunTime run_time;
  bool on_weights;        ///< constants are made with it ahead of time
  int middle;             ///< operands between those of the prologue and those of the epilogue, e.g. w of a matmul
  bool middle_is_cold;    ///< those are read once a call and lie in memory, not in a cache
  bool middle_is_state;   ///< those are what a sequence keeps between steps (state.h)
  bool in_place;          ///< the result is its last operand, changed
  bool reads_position;    ///< depends on how many tokens the sequence has already
  std::string_view term;  ///< for people
};

/// Operations without a fixed number of operands (`concat`) have none in the middle: all of them are x.
inline constexpr std::array kOps = {
    OpTraits{.kind = OpKind::input,
             .name = "input",
             .run_time = RunTime::leaf,
             .on_weights = false,
             .middle = 0,
             .middle_is_cold = false,
             .middle_is_state = false,
             .in_place = false,
             .reads_position = false,
             .term = "input"},
    OpTraits{.kind = OpKind::state,
             .name = "state",
             .run_time = RunTime::leaf,
             .on_weights = false,
             .middle = 0,
             .middle_is_cold = false,
             .middle_is_state = false,
             .in_place = false,
             .reads_position = false,
             .term = "state"},
    OpTraits{.kind = OpKind::weight,
             .name = "weight",
             .run_time = RunTime::leaf,
             .on_weights = true,
             .middle = 0,
             .middle_is_cold = false,
             .middle_is_state = false,
             .in_place = false,
             .reads_position = false,
             .term = "weight"},
    OpTraits{.kind = OpKind::embed,
             .name = "embed",
             .run_time = RunTime::kernel,
             .on_weights = false,
             .middle = 1,
             .middle_is_cold = false,
             .middle_is_state = false,
             .in_place = false,
             .reads_position = false,
             .term = "embedding"},
    OpTraits{.kind = OpKind::rowwise,
             .name = "rowwise",
             .run_time = RunTime::kernel,
             .on_weights = true,
             .middle = 0,
             .middle_is_cold = false,
             .middle_is_state = false,
             .in_place = false,
             .reads_position = false,
             .term = "row-wise"},
    OpTraits{.kind = OpKind::matmul,
             .name = "matmul",
             .run_time = RunTime::kernel,
             .on_weights = false,
             .middle = 1,
             .middle_is_cold = true,
             .middle_is_state = false,
             .in_place = false,
             .reads_position = false,
             .term = "matmul"},
    OpTraits{.kind = OpKind::attention,
             .name = "attention",
             .run_time = RunTime::kernel,
             .on_weights = false,
             .middle = 2,
             .middle_is_cold = true,
             .middle_is_state = true,
             .in_place = false,
             .reads_position = true,
             .term = "attention"},
    OpTraits{.kind = OpKind::attention_merge,
             .name = "attention_merge",
             .run_time = RunTime::kernel,
             .on_weights = false,
             .middle = 0,
             .middle_is_cold = false,
             .middle_is_state = false,
             .in_place = false,
             .reads_position = false,
             .term = "attention merge"},
    OpTraits{.kind = OpKind::cache_append,
             .name = "cache_append",
             .run_time = RunTime::kernel,
             .on_weights = false,
             .middle = 1,
             .middle_is_cold = false,
             .middle_is_state = true,
             .in_place = true,
             .reads_position = true,
             .term = "cache append"},
    OpTraits{.kind = OpKind::slice,
             .name = "slice",
             .run_time = RunTime::view,
             .on_weights = true,
             .middle = 0,
             .middle_is_cold = false,
             .middle_is_state = false,
             .in_place = false,
             .reads_position = false,
             .term = "slice"},
    OpTraits{.kind = OpKind::concat,
             .name = "concat",
             .run_time = RunTime::ahead_of_time,
             .on_weights = true,
             .middle = 0,
             .middle_is_cold = false,
             .middle_is_state = false,
             .in_place = false,
             .reads_position = false,
             .term = "concat"},
    OpTraits{.kind = OpKind::interleave,
             .name = "interleave",
             .run_time = RunTime::ahead_of_time,
             .on_weights = true,
             .middle = 0,
             .middle_is_cold = false,
             .middle_is_state = false,
             .in_place = false,
             .reads_position = false,
             .term = "interleave"},
    OpTraits{.kind = OpKind::transpose,
             .name = "transpose",
             .run_time = RunTime::ahead_of_time,
             .on_weights = true,
             .middle = 0,
             .middle_is_cold = false,
             .middle_is_state = false,
             .in_place = false,
             .reads_position = false,
             .term = "transpose"},
    OpTraits{.kind = OpKind::reshape,
             .name = "reshape",
             .run_time = RunTime::ahead_of_time,
             .on_weights = true,
             .middle = 0,
             .middle_is_cold = false,
             .middle_is_state = false,
             .in_place = false,
             .reads_position = false,
             .term = "reshape"},
    OpTraits{.kind = OpKind::pack,
             .name = "pack",
             .run_time = RunTime::pack_step,
             .on_weights = true,
             .middle = 0,
             .middle_is_cold = false,
             .middle_is_state = false,
             .in_place = false,
             .reads_position = false,
             .term = "pack"},
    OpTraits{.kind = OpKind::unpack,
             .name = "unpack",
             .run_time = RunTime::ahead_of_time,
             .on_weights = true,
             .middle = 0,
             .middle_is_cold = false,
             .middle_is_state = false,
             .in_place = false,
             .reads_position = false,
             .term = "unpack"},
    OpTraits{.kind = OpKind::argmax,
             .name = "argmax",
             .run_time = RunTime::kernel,
             .on_weights = false,
             .middle = 0,
             .middle_is_cold = false,
             .middle_is_state = false,
             .in_place = false,
             .reads_position = false,
             .term = "argmax"},
};
static_assert(is_complete_table<kOps>());

[[nodiscard]] constexpr const OpTraits& traits(OpKind kind) { return kOps[static_cast<std::size_t>(kind)]; }
[[nodiscard]] constexpr std::string_view name(OpKind kind) { return traits(kind).name; }

/// Positions that the splits of attention share out together.
inline constexpr std::int64_t kSplitBlock = 32;
/// log2 of the sum of exponentials over no positions; finite, so that differences are ordinary numbers.
inline constexpr double kNoPositions = -1e30;

/// Run-time tensor `name` of `type`.
struct Input {
  std::string name;
  TensorType type;
  auto operator<=>(const Input&) const = default;
};

/// State of a sequence (state.h): its number is the last part of `name`, e.g. "1"; `type` has one run-time dimension, the tokens.
struct State {
  std::string name;
  TensorType type;
  auto operator<=>(const State&) const = default;
};

/// Constant tensor `name` of `type`; "layers.*.…" names one tensor of each layer.
struct Weight {
  std::string name;
  TensorType type;
  auto operator<=>(const Weight&) const = default;
};

/// (ids: i32[m], table: [V, H]) -> f32[m, H].
struct Embed {
  auto operator<=>(const Embed&) const = default;
};

/// (x, operands of chain...) -> chain applied to x.
struct Rowwise {
  Chain chain;
  auto operator<=>(const Rowwise&) const = default;
};

/// (x: [m, K], operands of prologue..., w: [N, K], operands of epilogue...) -> epilogue(prologue(x) w^T); sums in f32 (of i8:
/// in i32; of i8 in blocks: in i32 within a block, times both scales, then in f32); after the matmul the running value is
/// f32[m, N].
struct Matmul {
  Chain prologue = {};
  Chain epilogue = {};
  auto operator<=>(const Matmul&) const = default;
};

/// (q: [m, heads*d], operands of prologue..., k: [kv_heads, ?, d], v: likewise) -> f32[m, heads*d]; causal: row i sees
/// positions 0 .. past+i; softmax(q k^T * scale) v; GQA: head h reads h*kv_heads/heads; the epilogue (cast, quantise, pack)
/// applies to the result.
///
/// With S > 1 splits, of one row and without epilogue: f32[1, S*heads*d + S*heads], what each split of the positions gives for
/// itself. The positions are blocks of kSplitBlock, B in all; split s has the blocks s*B/S .. (s+1)*B/S. Columns
/// (s*heads + h)*d ..: its softmax(q k^T * scale) v; column S*heads*d + s*heads + h: log2 of its sum of exp(q k^T * scale). No
/// positions: 0, and kNoPositions.
struct Attention {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  double scale = 0;
  std::int64_t splits = 1;
  Chain prologue = {};
  Chain epilogue = {};
  auto operator<=>(const Attention&) const = default;
};

/// (parts: f32[1, S*heads*d + S*heads], as above) -> f32[1, heads*d]; the parts, each weighted by its sum of exponentials
/// (Dao et al., Flash-Decoding, 2023); the epilogue as of attention.
struct AttentionMerge {
  std::int64_t heads = 0;
  std::int64_t splits = 2;
  Chain epilogue = {};
  auto operator<=>(const AttentionMerge&) const = default;
};

/// (x: [m, kv_heads*d], operands of chain..., cache: [kv_heads, ?, d]) -> cache with rows past..past+m set.
struct CacheAppend {
  Chain chain = {};
  auto operator<=>(const CacheAppend&) const = default;
};

/// (x: [m, C]) -> columns begin..end; with axis 0 (weights): rows begin..end.
struct Slice {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  int axis = 1;
  auto operator<=>(const Slice&) const = default;
};

/// (w0: [n0, K], w1: [n1, K], ...) -> [n0+n1+..., K].
struct Concat {
  auto operator<=>(const Concat&) const = default;
};

/// (w0: [n, K], w1: [n, K]) -> [2n, K], alternating blocks of `group` rows.
struct Interleave {
  std::int64_t group = 0;
  auto operator<=>(const Interleave&) const = default;
};

/// (x: [m, n]) -> [n, m]; lanes stay with their dimension.
struct Transpose {
  auto operator<=>(const Transpose&) const = default;
};

/// (x) -> the same elements in row-major order as `shape`, a vector or a matrix; lanes only on the last axis, dividing it
/// before and after.
struct Reshape {
  std::vector<std::int64_t> shape;
  auto operator<=>(const Reshape&) const = default;
};

/// (x) -> x in layout `lanes`.
struct Pack {
  std::vector<Lane> lanes;
  auto operator<=>(const Pack&) const = default;
};

/// (x) -> x without lanes.
struct Unpack {
  auto operator<=>(const Unpack&) const = default;
};

/// (logits: f32[m, V]) -> i32[m]; the lowest index among equals.
struct Argmax {
  auto operator<=>(const Argmax&) const = default;
};

/// One of the operations above.
class Op {
 public:
  using Form = std::variant<Input, State, Weight, Embed, Rowwise, Matmul, Attention, AttentionMerge, CacheAppend, Slice,
                            Concat, Interleave, Transpose, Reshape, Pack, Unpack, Argmax>;
  static_assert(std::variant_size_v<Form> == kOps.size());

  Op() = default;
  /// Implicit: wherever an operation is wanted, `Slice{0, 8}` is one.
  template <class T, class = std::enable_if_t<std::constructible_from<Form, T> && !std::same_as<std::remove_cvref_t<T>, Op>>>
  Op(T&& form) : form_(std::forward<T>(form)) {}  // NOLINT(google-explicit-constructor)

  auto operator<=>(const Op&) const = default;

  [[nodiscard]] OpKind kind() const { return static_cast<OpKind>(form_.index()); }
  [[nodiscard]] const OpTraits& traits() const { return graph::traits(kind()); }

  /// As what it is; kind() says which.
  template <class T>
  [[nodiscard]] const T& as() const {
    assert(std::holds_alternative<T>(form_));
    return *std::get_if<T>(&form_);
  }
  /// Null if it is something else.
  template <class T>
  [[nodiscard]] const T* get_if() const {
    return std::get_if<T>(&form_);
  }

  /// Of an input, a state or a weight.
  [[nodiscard]] const std::string& leaf_name() const;
  [[nodiscard]] const TensorType& leaf_type() const;
  /// The chain on the first operand: the prologue, or all that rowwise and cache_append do; empty if it has none.
  [[nodiscard]] const Chain& prologue() const;
  /// Empty if it has none.
  [[nodiscard]] const Chain& epilogue() const;
  /// The same operation with another chain; it must be one that has such a chain.
  [[nodiscard]] Op with_prologue(Chain chain) const;
  [[nodiscard]] Op with_epilogue(Chain chain) const;

  /// Canonical text, e.g. "matmul{rms(1e-06,0)|scale;add}", "slice{0,2048}", "weight{layers.*.q_proj:bf16[2048,1024]}".
  [[nodiscard]] std::string text() const;
  [[nodiscard]] static Expected<Op> parse(std::string_view text);

 private:
  Form form_;
};

/// The number of a state; none of anything else.
[[nodiscard]] std::optional<std::size_t> state_number(const Op& op);

/// Whether what it computes depends on how many tokens the sequence has already.
[[nodiscard]] bool reads_position(const Op& op);

/// The type of the result, or why these operands do not fit (the message names the operation).
[[nodiscard]] Expected<TensorType> infer_type(const Op& op, std::span<const TensorType> inputs);

[[nodiscard]] inline Op input(std::string name, TensorType type) { return Input{std::move(name), std::move(type)}; }
[[nodiscard]] inline Op weight(std::string name, TensorType type) { return Weight{std::move(name), std::move(type)}; }
[[nodiscard]] inline Op rowwise(Chain chain) { return Rowwise{std::move(chain)}; }
[[nodiscard]] inline Op matmul(Chain prologue = {}, Chain epilogue = {}) {
  return Matmul{std::move(prologue), std::move(epilogue)};
}

}  // namespace nntune::graph
