/// How else the matrices could be stored: in another form, or in two.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "compiler/extract/problem.h"
#include "compiler/extract/solve.h"

namespace nntune::extract {

struct SecondForm {
  std::uint32_t constant = 0;
  double saved_seconds = 0;  ///< of the objective
};

/// A stored matrix and its alternatives.
struct LayoutChoice {
  static constexpr std::uint32_t kNone = 0xffffffff;
  std::uint32_t stored = kNone;     ///< constant
  std::uint32_t runner_up = kNone;  ///< constant made of the same matrices; kNone: there is no other
  Solution solution;  ///< the best one that stores the runner-up instead in all phases; cost is infinite without
  /// The form of the same matrices that gains most beside it, its bytes paid for: each section that reads `stored` is decided
  /// again, greedily, with both at hand. None: no second form saves time.
  std::optional<SecondForm> second;
};

[[nodiscard]] std::vector<LayoutChoice> layout_choices(const Problem& problem, const Solution& solution);

}  // namespace nntune::extract
