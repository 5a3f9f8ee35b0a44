#include "compiler/loopir/affine.h"

#include <algorithm>

namespace nntune::loopir {
namespace {

bool same_atom(const Expr& a, const Expr& b) {
  if (a == b) return true;
  if (a->kind != b->kind) return false;
  if (a->kind == ExprKind::variable) return a->var == b->var;
  if (a->kind == ExprKind::param) return a->param == b->param;
  return false;
}

Affine atom(const Expr& expr) { return {.constant = 0, .terms = {{expr, 1}}}; }

}  // namespace

void Affine::add(const Affine& other, std::int64_t factor) {
  constant += other.constant * factor;
  for (const Term& term : other.terms) {
    const auto found = std::find_if(terms.begin(), terms.end(), [&](const Term& t) { return same_atom(t.atom, term.atom); });
    if (found == terms.end()) {
      if (term.coefficient * factor != 0) terms.push_back({term.atom, term.coefficient * factor});
      continue;
    }
    found->coefficient += term.coefficient * factor;
    if (found->coefficient == 0) terms.erase(found);
  }
}

std::int64_t Affine::coefficient_of(const Var& var) const {
  for (const Term& term : terms) {
    if (term.atom->kind == ExprKind::variable && term.atom->var == var) return term.coefficient;
  }
  return 0;
}

Expr Affine::to_expr() const {
  Expr sum = integer(0);
  for (const Term& term : terms) sum = sum + term.atom * term.coefficient;
  return sum + constant;
}

Affine affine(const Expr& expr, const KnownValues& known) {
  switch (expr->kind) {
    case ExprKind::integer: return {.constant = expr->integer, .terms = {}};
    case ExprKind::variable:
      if (known) {
        if (const auto value = known(expr->var)) return {.constant = *value, .terms = {}};
      }
      return atom(expr);
    case ExprKind::binary: {
      if (expr->type != Scalar::i64) return atom(expr);
      Affine a = affine(expr->args[0], known);
      const Affine b = affine(expr->args[1], known);
      switch (expr->binary) {
        case BinaryOp::add: a.add(b); return a;
        case BinaryOp::sub: a.add(b, -1); return a;
        case BinaryOp::mul: {
          const Affine& factor = a.is_constant() ? a : b;
          const Affine& other = a.is_constant() ? b : a;
          if (!factor.is_constant()) return atom(expr);
          Affine product;
          product.add(other, factor.constant);
          return product;
        }
        case BinaryOp::div:
        case BinaryOp::mod:
          if (b.is_constant() && b.constant > 0) {
            if (auto parts = div_mod(a, b.constant)) return expr->binary == BinaryOp::div ? parts->first : parts->second;
          }
          // Known values must not hide inside an opaque atom.
          return atom(binary(expr->binary, a.to_expr(), b.to_expr()));
        case BinaryOp::min:
        case BinaryOp::max:
        case BinaryOp::lt:
        case BinaryOp::le:
        case BinaryOp::eq:
        case BinaryOp::logical_and: return atom(binary(expr->binary, a.to_expr(), b.to_expr()));
      }
      return atom(expr);
    }
    case ExprKind::number:
    case ExprKind::param:
    case ExprKind::load:
    case ExprKind::unary:
    case ExprKind::select:
    case ExprKind::fma:
    case ExprKind::dot2:
    case ExprKind::reduce: return atom(expr);
  }
  return atom(expr);
}

std::optional<std::pair<Affine, Affine>> div_mod(const Affine& value, std::int64_t divisor) {
  Affine quotient;
  Affine remainder;
  quotient.constant = value.constant / divisor;
  remainder.constant = value.constant % divisor;
  if (remainder.constant < 0) return std::nullopt;
  std::int64_t highest = remainder.constant;
  for (const Affine::Term& term : value.terms) {
    const std::int64_t multiple = term.coefficient / divisor;
    const std::int64_t rest = term.coefficient % divisor;
    if (multiple != 0) quotient.terms.push_back({term.atom, multiple});
    if (rest == 0) continue;
    if (rest < 0 || term.atom->kind != ExprKind::variable || term.atom->var->extent < 0) return std::nullopt;
    highest += rest * (term.atom->var->extent - 1);
    remainder.terms.push_back({term.atom, rest});
  }
  if (highest >= divisor) return std::nullopt;
  return std::pair{std::move(quotient), std::move(remainder)};
}

bool mentions(const Expr& expr, const Variable* var) {
  if (expr->kind == ExprKind::variable) return expr->var.get() == var;
  return std::any_of(expr->args.begin(), expr->args.end(), [&](const Expr& e) { return mentions(e, var); });
}

std::optional<Expr> affine_quotient(const Expr& expr, std::int64_t divisor) {
  Affine sum = affine(expr);
  if (sum.constant % divisor != 0) return std::nullopt;
  sum.constant /= divisor;
  for (Affine::Term& term : sum.terms) {
    if (term.coefficient % divisor != 0) return std::nullopt;
    term.coefficient /= divisor;
  }
  return sum.to_expr();
}

}  // namespace nntune::loopir
