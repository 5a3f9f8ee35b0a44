/// Index arithmetic: sums of multiples of atoms, with exact division where the ranges of variables prove it.
#pragma once

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "compiler/loopir/loopir.h"

namespace nntune::loopir {

/// constant + sum of coefficient * atom. Atoms are variables, parameters, and expressions that are not affine.
struct Affine {
  struct Term {
    Expr atom;
    std::int64_t coefficient;
  };
  std::int64_t constant = 0;
  std::vector<Term> terms;

  void add(const Affine& other, std::int64_t factor = 1);
  [[nodiscard]] std::int64_t coefficient_of(const Var& var) const;
  [[nodiscard]] bool is_constant() const { return terms.empty(); }
  [[nodiscard]] Expr to_expr() const;
};

/// Value of a variable that is known (an unrolled loop), if it is.
using KnownValues = std::function<std::optional<std::int64_t>(const Var&)>;

[[nodiscard]] Affine affine(const Expr& expr, const KnownValues& known = nullptr);

/// {value / divisor, value % divisor} for values >= 0, if the terms that are no multiples of `divisor` provably stay
/// inside one multiple, e.g. (32*p + 16*v + l) / 32 = p for v < 2, l < 16.
[[nodiscard]] std::optional<std::pair<Affine, Affine>> div_mod(const Affine& value, std::int64_t divisor);

[[nodiscard]] bool mentions(const Expr& expr, const Variable* var);

/// expr / divisor, if every coefficient is a multiple of it.
[[nodiscard]] std::optional<Expr> affine_quotient(const Expr& expr, std::int64_t divisor);

}  // namespace nntune::loopir
