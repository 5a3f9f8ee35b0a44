/// What a choice costs.
#pragma once

#include <limits>
#include <vector>

#include "compiler/dag/greedy.h"

namespace nntune::dag {

/// DAG cost and bytes of the classes that a choice reaches from the roots.
struct Value {
  double cost = std::numeric_limits<double>::infinity();
  double bytes = 0;
  /// Bytes beyond the capacity.
  double excess = std::numeric_limits<double>::infinity();

  [[nodiscard]] bool complete() const { return cost < std::numeric_limits<double>::infinity(); }
  [[nodiscard]] bool feasible() const { return complete() && excess == 0; }
};

/// Sums of doubles in another order are equal up to this.
inline constexpr double kRounding = 1e-9;

/// Less by more than rounding.
[[nodiscard]] inline bool cheaper(double a, double b) {
  const double size = b < 0 ? -b : b;
  return b == std::numeric_limits<double>::infinity() ? a < b : a < b - kRounding * size;
}
/// What fits beats what does not; then the cheaper one.
[[nodiscard]] inline bool better(const Value& a, const Value& b) {
  return a.excess != b.excess ? cheaper(a.excess, b.excess) : cheaper(a.cost, b.cost);
}

/// Bytes over the capacity, 0 within rounding.
[[nodiscard]] double excess_of(const ExtractionInstance& instance, double bytes);

/// Cost is infinite where the choice is cyclic or incomplete. `order` gets the classes reached, children first.
[[nodiscard]] Value evaluate(const ExtractionInstance& instance, const Choice& choice,
                             std::vector<std::uint32_t>* order = nullptr);

/// Whether every reached choice is a node of its class; for choices that come from outside.
[[nodiscard]] bool belongs(const ExtractionInstance& instance, const Choice& choice);

}  // namespace nntune::dag
