/// The steps of row-wise chains: what each is, once, in a table that rules, kernels, costs and messages read.
///
/// A new step is an enumerator and a row of kSteps; the compiler then names the switches that must say what it computes
/// (docs/extending.md).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/enum_table.h"
#include "base/error.h"
#include "compiler/graph/types.h"

namespace nntune::graph {

/// One link of a chain of row-wise work. The running value is a matrix [rows, columns]; a step may take one more operand.
enum class StepKind : std::uint8_t {
  rms,           ///< x / sqrt(mean(x^2) + eps) over each consecutive group of `group` columns (0 = the whole row)
  scale,         ///< x * w, operand w: f32[g], repeated along the row (g divides the columns)
  bias,          ///< x + b, operand b: f32[g], repeated likewise
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

/// The further operand of a step.
enum class StepOperand : std::uint8_t {
  none,
  like_x,        ///< shape and layout of the running value
  vector,        ///< f32[g], repeated along the row
  rotary_table,  ///< f32[?, group], a row a position
};

/// Which columns of a row an element of the result depends on; each holds those before it.
enum class StepReach : std::uint8_t {
  element,  ///< the same column
  block,    ///< a block of `group` columns, small enough to lie whole in a panel of weights
  group,    ///< a head of `group` columns, or the row where group = 0
  row,
};

/// What stands in the parentheses of a step's text.
enum class StepArguments : std::uint8_t { none, eps_and_group, group, dtype, lanes };

struct StepTraits {
  StepKind kind;
  std::string_view name;  ///< in canonical texts
  StepArguments arguments;
  StepOperand operand;
  StepReach reach;
  bool in_epilogue;       ///< rules put it behind the product of a matmul
  bool on_weights;        ///< can be applied to weights ahead of time
  bool reads_position;    ///< depends on where the row stands in the sequence
  bool stores;            ///< decides only how the result is stored
  std::int64_t narrows;   ///< columns of x for each column of the result
  double operations;      ///< vector operations an element; more for exponentials and what goes element by element
  std::string_view term;  ///< for people
};

inline constexpr std::array kSteps = {
    StepTraits{.kind = StepKind::rms,
               .name = "rms",
               .arguments = StepArguments::eps_and_group,
               .operand = StepOperand::none,
               .reach = StepReach::group,
               .in_epilogue = false,
               .on_weights = false,
               .reads_position = false,
               .stores = false,
               .narrows = 1,
               .operations = 3,
               .term = "RMSNorm"},
    StepTraits{.kind = StepKind::scale,
               .name = "scale",
               .arguments = StepArguments::none,
               .operand = StepOperand::vector,
               .reach = StepReach::element,
               .in_epilogue = true,
               .on_weights = true,
               .reads_position = false,
               .stores = false,
               .narrows = 1,
               .operations = 3,
               .term = "scale"},
    StepTraits{.kind = StepKind::bias,
               .name = "bias",
               .arguments = StepArguments::none,
               .operand = StepOperand::vector,
               .reach = StepReach::element,
               .in_epilogue = true,
               .on_weights = false,
               .reads_position = false,
               .stores = false,
               .narrows = 1,
               .operations = 3,
               .term = "bias"},
    StepTraits{.kind = StepKind::add,
               .name = "add",
               .arguments = StepArguments::none,
               .operand = StepOperand::like_x,
               .reach = StepReach::element,
               .in_epilogue = true,
               .on_weights = true,
               .reads_position = false,
               .stores = false,
               .narrows = 1,
               .operations = 3,
               .term = "add"},
    StepTraits{.kind = StepKind::swiglu,
               .name = "swiglu",
               .arguments = StepArguments::none,
               .operand = StepOperand::like_x,
               .reach = StepReach::element,
               .in_epilogue = false,
               .on_weights = false,
               .reads_position = false,
               .stores = false,
               .narrows = 1,
               .operations = 20,
               .term = "SwiGLU"},
    StepTraits{.kind = StepKind::swiglu_split,
               .name = "swiglu_split",
               .arguments = StepArguments::none,
               .operand = StepOperand::none,
               .reach = StepReach::row,
               .in_epilogue = false,
               .on_weights = false,
               .reads_position = false,
               .stores = false,
               .narrows = 2,
               .operations = 20,
               .term = "SwiGLU of halves"},
    StepTraits{.kind = StepKind::swiglu_pairs,
               .name = "swiglu_pairs",
               .arguments = StepArguments::group,
               .operand = StepOperand::none,
               .reach = StepReach::block,
               .in_epilogue = true,
               .on_weights = false,
               .reads_position = false,
               .stores = false,
               .narrows = 2,
               .operations = 20,
               .term = "SwiGLU of pairs"},
    StepTraits{.kind = StepKind::rope,
               .name = "rope",
               .arguments = StepArguments::group,
               .operand = StepOperand::rotary_table,
               .reach = StepReach::group,
               .in_epilogue = false,
               .on_weights = false,
               .reads_position = true,
               .stores = false,
               .narrows = 1,
               .operations = 3,
               .term = "rotary embedding"},
    StepTraits{.kind = StepKind::softmax,
               .name = "softmax",
               .arguments = StepArguments::none,
               .operand = StepOperand::none,
               .reach = StepReach::row,
               .in_epilogue = false,
               .on_weights = false,
               .reads_position = false,
               .stores = false,
               .narrows = 1,
               .operations = 20,
               .term = "softmax"},
    StepTraits{.kind = StepKind::cast,
               .name = "cast",
               .arguments = StepArguments::dtype,
               .operand = StepOperand::none,
               .reach = StepReach::element,
               .in_epilogue = true,
               .on_weights = true,
               .reads_position = false,
               .stores = true,
               .narrows = 1,
               .operations = 3,
               .term = "cast"},
    StepTraits{.kind = StepKind::quantise,
               .name = "quantise",
               .arguments = StepArguments::group,
               .operand = StepOperand::none,
               .reach = StepReach::block,
               .in_epilogue = true,
               .on_weights = false,
               .reads_position = false,
               .stores = true,
               .narrows = 1,
               .operations = 3,
               .term = "quantise"},
    StepTraits{.kind = StepKind::pack,
               .name = "pack",
               .arguments = StepArguments::lanes,
               .operand = StepOperand::none,
               .reach = StepReach::element,
               .in_epilogue = true,
               .on_weights = true,
               .reads_position = false,
               .stores = true,
               .narrows = 1,
               .operations = 16,
               .term = "pack"},
};
static_assert(is_complete_table<kSteps>());

[[nodiscard]] constexpr const StepTraits& traits(StepKind kind) { return kSteps[static_cast<std::size_t>(kind)]; }
[[nodiscard]] constexpr std::string_view name(StepKind kind) { return traits(kind).name; }

struct Step {
  StepKind kind = StepKind::cast;
  double eps = 0;                ///< rms
  std::int64_t group = 0;        ///< rms, swiglu_pairs, rope, quantise
  DType dtype = DType::f32;      ///< cast
  std::vector<Lane> lanes = {};  ///< pack

  auto operator<=>(const Step&) const = default;
  [[nodiscard]] const StepTraits& traits() const { return graph::traits(kind); }
  /// How many further operands it takes: 0 or 1.
  [[nodiscard]] int operands() const { return traits().operand == StepOperand::none ? 0 : 1; }
  /// Its further operand has a row for each row of x.
  [[nodiscard]] bool takes_rows() const { return traits().operand == StepOperand::like_x; }
  /// e.g. "rms(1e-06,128)", "scale", "cast(bf16)", "quantise(32)", "pack(0:8,1:2)"
  [[nodiscard]] std::string text() const;
  [[nodiscard]] static Expected<Step> parse(std::string_view text);
};

using Chain = std::vector<Step>;
/// Steps joined by '|', "" for none.
[[nodiscard]] std::string text(const Chain& chain);
[[nodiscard]] Expected<Chain> parse_chain(std::string_view text);
[[nodiscard]] int operands(const Chain& chain);
/// Whether `chain` has a step of this kind.
[[nodiscard]] bool has_step(const Chain& chain, StepKind kind);

/// The type after `chain` on a running value of type `x`; `extra` are the operands of the chain.
/// Arithmetic reads f32, bf16 and i8 and gives f32; the layout stays that of `x` until a pack.
[[nodiscard]] Expected<TensorType> infer_chain(const Chain& chain, const TensorType& x, std::span<const TensorType> extra);

}  // namespace nntune::graph
