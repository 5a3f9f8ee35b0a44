/// Computes the constants of a program and lays them out as its kernels read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "compiler/extract/program.h"
#include "compiler/import/weights.h"
#include "compiler/runtime/plan.h"

namespace nntune::module {

/// The places of all weights in one memory: each tensor at a multiple of 4096, in order.
struct WeightLayout {
  std::vector<runtime::Weight> weights;
  std::size_t bytes = 0;
};
[[nodiscard]] WeightLayout lay_out_weights(std::span<const extract::StoredWeight> weights);

/// Fills `memory` (layout.bytes of zeros: padding stays zero), on all cores, streaming by rows. Byte for byte what
/// reference::write_storage makes of the evaluated recipes.
[[nodiscard]] Status pack_weights(std::span<const extract::StoredWeight> weights, const WeightLayout& layout,
                                  const import::WeightSource& source, std::span<std::byte> memory);

}  // namespace nntune::module
