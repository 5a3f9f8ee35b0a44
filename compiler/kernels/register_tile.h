/// Tiles of accumulators in vector registers, the inner loop of every product.
#pragma once

#include <cstdint>

#include "base/target.h"

namespace nntune::kernels {

/// rows x vectors accumulators; each step loads `vectors` vectors and broadcasts a value for each row.
struct RegisterTile {
  std::int64_t rows = 1;
  std::int64_t vectors = 1;
  std::int64_t temporaries = 1;  ///< registers beside accumulators and loaded vectors

  [[nodiscard]] std::int64_t registers() const { return rows * vectors + vectors + temporaries; }

  /// Whether accumulators land on the stack though there are registers enough. AVX2 cannot broadcast within a multiply-add, and
  /// where a broadcast value is used once LLVM accumulates into its register (vfmadd213): every accumulator has two.
  [[nodiscard]] bool spills(const Isa& isa) const {
    const bool folds_broadcasts = isa.vector_bytes() == 64;
    return !folds_broadcasts && vectors == 1 && 2 * rows + 1 + temporaries > isa.vector_registers();
  }
};

/// Share of its speed that a spilling tile keeps, measured: 24 to 40 instead of 47 to 53 G multiply-adds a second.
inline constexpr double kSpilling = 0.65;

}  // namespace nntune::kernels
