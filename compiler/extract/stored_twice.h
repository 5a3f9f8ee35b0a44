/// What it would be worth to store a matrix in a second form.
#pragma once

#include <cstdint>

#include "compiler/extract/problem.h"
#include "compiler/extract/solve.h"

namespace nntune::extract {

struct SecondForm {
  static constexpr std::uint32_t kNone = 0xffffffff;
  std::uint32_t constant = kNone;  ///< kNone: no second form saves time
  double saved_seconds = 0;        ///< of the objective
};

/// The form of the matrices of constant `stored` that gains most beside it, its bytes paid for: each section that reads
/// `stored` is decided again, greedily, with both at hand.
[[nodiscard]] SecondForm best_second_form(const Problem& problem, const Solution& solution, std::uint32_t stored);

}  // namespace nntune::extract
