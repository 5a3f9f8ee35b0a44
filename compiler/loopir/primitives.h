/// Schedule primitives: each rewrites a nest into an equal one. What cannot be done (no such loop, loops that are not nested in
/// each other) is recorded as the refusal of the function that the nest is for, in every build: see verify.h.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "compiler/loopir/loopir.h"

namespace nntune::loopir {

struct Split {
  Var outer;
  Var inner;
};

/// A nest under transformation.
class Nest {
 public:
  /// \param function  takes the refusals; must outlive the nest
  Nest(Function& function, Stmt root) : function_(function), root_(std::move(root)) {}
  [[nodiscard]] const Stmt& stmt() const { return root_; }

  /// v = outer * factor + inner. A constant extent that is no multiple, or one only known at run time, is rounded up: the
  /// caller guarantees that the buffers have room (row padding, padded panels).
  Split split(const Var& var, std::int64_t factor);
  /// Fewer iterations of a loop, e.g. in the last block of a run-time number of rows.
  void limit(const Var& var, const Expr& extent);
  /// Each iteration of the loop happens only under a condition.
  void guard(const Var& var, const Expr& condition);
  /// Permutes perfectly nested loops into this order, outermost first; the listed loops must be adjacent.
  void reorder(const std::vector<Var>& order);
  void unroll(const Var& var) { set_kind("unroll", var, LoopKind::unrolled); }
  void vectorize(const Var& var) { set_kind("vectorize", var, LoopKind::vectorized); }
  void parallel(const Var& var) { set_kind("parallel", var, LoopKind::parallel); }
  /// Puts `producer` before everything else in each iteration of loop `at` (compute_at).
  void compute_at(const Var& at, const Stmt& producer);
  /// Puts `consumer` behind everything else in each iteration of loop `at`.
  void attach_after(const Var& at, const Stmt& consumer);
  /// Replaces the accumulator `buffer` inside loop `at` by `tile` (cache_write): an access at logical indices becomes the
  /// access `index(indices)` of the tile. Initialisation and use of the tile are attached by the caller.
  void cache_write(const Var& at, const Buffer& buffer, const Buffer& tile,
                   const std::function<std::vector<Expr>(const std::vector<Expr>&)>& index);
  /// Replaces loads of `buffer` inside loop `at` by loads of `packed` with the origin subtracted (cache_read), after
  /// `producer` has filled it.
  void pack(const Var& at, const Buffer& buffer, const Buffer& packed, const std::vector<Expr>& origin,
            const Stmt& producer);
  /// Prefetches an element of `buffer` in each iteration of loop `at`.
  void prefetch(const Var& at, const Buffer& buffer, std::vector<Expr> indices) {
    compute_at(at, loopir::prefetch(buffer, std::move(indices)));
  }
  /// Replaces the loop over the two values of `pair` around acc += a[.., 2k+pair] * b[.., 2k+pair] by one bf16 dot of pairs;
  /// a and b are bf16 buffers whose innermost storage is that axis.
  void tensorize_dot2(const Var& pair);

 private:
  void set_kind(const char* primitive, const Var& var, LoopKind kind);
  /// Replaces the one loop over `var` by change(loop); none or several are refused.
  void change_loop(const char* primitive, const Var& var, const std::function<Stmt(const StmtNode&)>& change);

  Function& function_;
  Stmt root_;
};

/// The statement with each expression rewritten by `change` (bottom-up; a null result keeps the expression).
[[nodiscard]] Stmt rewrite_exprs(const Stmt& stmt, const std::function<Expr(const Expr&)>& change);
[[nodiscard]] Expr rewrite_expr(const Expr& expr, const std::function<Expr(const Expr&)>& change);
[[nodiscard]] Expr substitute(const Expr& expr, const Var& var, const Expr& value);
[[nodiscard]] Stmt substitute(const Stmt& stmt, const Var& var, const Expr& value);
/// The statement with the loop over `var` replaced by change(loop).
[[nodiscard]] Stmt rewrite_loop(const Stmt& stmt, const Var& var, const std::function<Stmt(const StmtNode&)>& change);

}  // namespace nntune::loopir
