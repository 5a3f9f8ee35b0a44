/// What the rules may assume and which of them run.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/target.h"

namespace nntune::rules {

struct RuleOptions {
  Isa isa;
  /// That share the kernels.
  int threads = 1;
  /// Folding a norm into bf16 weights rounds them a second time; f32 weights are folded in any case.
  bool allow_weight_rounding = false;
  /// Activations may be quantised in blocks of i8 where the weights are stored so. It changes results by about 1/254 of the
  /// largest value of each block, so it is never done without being asked for.
  bool allow_quantised_activations = false;
  /// Sums and products in another order, which round differently in f32: a + (b + c), x (v + w)^T.
  bool allow_reassociation = false;
  /// Packs travel also where no layout is given yet, so that products may be stored packed for elementwise work to read: all
  /// layouts of a layer are then chosen together. It makes more kernels to be costed.
  bool packs_travel_to_products = true;
  /// Families that do not run, by name (registry.h).
  std::set<std::string> disabled = {};
  /// Not 0: rules in another order, which must not change the result.
  unsigned order_seed = 0;

  /// Rows of a weight panel, i.e. outputs that lie together: 1 to 4 vectors of f32.
  [[nodiscard]] std::vector<std::int64_t> panel_widths() const {
    const std::int64_t lanes = isa.vector_bytes() / 4;
    return {lanes, 2 * lanes, 3 * lanes, 4 * lanes};
  }
  /// Rows of activations that lie together: heights of register tiles that go with these panels.
  [[nodiscard]] std::vector<std::int64_t> tile_rows() const {
    return isa.vector_registers() == 32 ? std::vector<std::int64_t>{6, 8, 12, 14} : std::vector<std::int64_t>{4, 6};
  }
  /// Blocks in which gate and up may alternate.
  [[nodiscard]] std::vector<std::int64_t> pair_groups() const {
    return isa.vector_bytes() == 64 ? std::vector<std::int64_t>{16} : std::vector<std::int64_t>{8, 16};
  }
};

}  // namespace nntune::rules
