/// The layouts that the multiplying units of x86 CPUs read, by what they multiply.
///
/// | unit     | x    | weights   | panel of weights | tile of activations |
/// |----------|------|-----------|------------------|---------------------|
/// | FMA      | f32  | f32, bf16 | <0:nr>           | <0:mr>              |
/// | bf16 dot | bf16 | bf16      | <0:nr,1:2>       | <0:mr,1:2>          |
/// | int8 dot | i8   | i8        | <0:nr,1:4>       | <0:mr,1:4>          |
/// | AMX bf16 | bf16 | bf16      | <0:16,1:2>       | <0:16,1:32>         |
/// | AMX int8 | i8   | i8        | <0:16,1:4>       | <0:16,1:64>         |
///
/// i8 may be quantised in blocks; weights and activations then have blocks of one size, and a tile of activations holds no more
/// columns than a block, since the sum of a block is scaled before the next one is added.
///
/// Attention reads keys and values with the same units: keys <1:16> so that a vector is one column of 16 tokens, <1:16,2:2> for
/// the dot over pairs of columns, values <1:2> for the dot over pairs of tokens.
///
/// An AMX tile is 16 rows of 64 bytes. Of weights these are 16 pairs or quads along k for each of 16 outputs, so a panel
/// <0:16,1:2> is a row of such tiles, one after the other along k; of activations they are 16 rows of 64 bytes along k (Intel,
/// "Architecture Instruction Set Extensions Programming Reference", chapter 3).
#pragma once

#include <vector>

#include "compiler/graph/types.h"
#include "compiler/rules/options.h"

namespace nntune::rules {

using Lanes = std::vector<graph::Lane>;

/// Layouts of weights [N, K] of type `w` for activations of type `x`; none if no unit of this CPU multiplies them.
[[nodiscard]] std::vector<Lanes> weight_panels(const RuleOptions& options, graph::DType x, graph::DType w);

/// Layouts of activations [m, K] that go with them, beside the row-major one.
/// \param block  TensorType::block of both
[[nodiscard]] std::vector<Lanes> activation_tiles(const RuleOptions& options, graph::DType x, graph::DType w,
                                                  std::int64_t block = 0);

/// Layouts of states [kv_heads, ?, d] of `dtype` that attention reads as keys and as values, the row-major one first.
[[nodiscard]] std::vector<Lanes> key_layouts(const RuleOptions& options, graph::DType dtype);
[[nodiscard]] std::vector<Lanes> value_layouts(const RuleOptions& options, graph::DType dtype);

}  // namespace nntune::rules
