#include "compiler/loopir/primitives.h"

#include <algorithm>
#include <cassert>
#include <memory>

#include "compiler/loopir/affine.h"

namespace nntune::loopir {
namespace {

std::vector<Expr> rewrite_all(const std::vector<Expr>& exprs, const std::function<Expr(const Expr&)>& change) {
  std::vector<Expr> out;
  out.reserve(exprs.size());
  for (const Expr& e : exprs) out.push_back(rewrite_expr(e, change));
  return out;
}

Stmt with_body(const StmtNode& node, Stmt body) {
  StmtNode copy = node;
  copy.stmts = {std::move(body)};
  return std::make_shared<const StmtNode>(std::move(copy));
}

}  // namespace

Expr rewrite_expr(const Expr& expr, const std::function<Expr(const Expr&)>& change) {
  if (!expr) return expr;
  ExprNode node = *expr;
  node.args = rewrite_all(expr->args, change);
  node.mask = rewrite_expr(expr->mask, change);
  Expr rebuilt = (node.args == expr->args && node.mask == expr->mask) ? expr
                 : node.kind == ExprKind::binary                      ? binary(node.binary, node.args[0], node.args[1])
                                                                      : std::make_shared<const ExprNode>(std::move(node));
  Expr changed = change(rebuilt);
  return changed ? changed : rebuilt;
}

Stmt rewrite_exprs(const Stmt& stmt, const std::function<Expr(const Expr&)>& change) {
  StmtNode node = *stmt;
  for (Stmt& s : node.stmts) s = rewrite_exprs(s, change);
  node.begin = rewrite_expr(node.begin, change);
  node.extent = rewrite_expr(node.extent, change);
  node.indices = rewrite_all(node.indices, change);
  node.value = rewrite_expr(node.value, change);
  node.mask = rewrite_expr(node.mask, change);
  return std::make_shared<const StmtNode>(std::move(node));
}

Expr substitute(const Expr& expr, const Var& var, const Expr& value) {
  return rewrite_expr(expr, [&](const Expr& e) { return e->kind == ExprKind::variable && e->var == var ? value : nullptr; });
}

Stmt substitute(const Stmt& stmt, const Var& var, const Expr& value) {
  return rewrite_exprs(stmt,
                       [&](const Expr& e) { return e->kind == ExprKind::variable && e->var == var ? value : nullptr; });
}

Stmt rewrite_loop(const Stmt& stmt, const Var& var, const std::function<Stmt(const StmtNode&)>& change) {
  if (stmt->kind == StmtKind::loop && stmt->var == var) return change(*stmt);
  if (stmt->stmts.empty()) return stmt;
  StmtNode node = *stmt;
  for (Stmt& s : node.stmts) s = rewrite_loop(s, var, change);
  return std::make_shared<const StmtNode>(std::move(node));
}

void Nest::set_kind(const Var& var, LoopKind kind) {
  bool found = false;
  root_ = rewrite_loop(root_, var, [&](const StmtNode& node) {
    found = true;
    StmtNode copy = node;
    copy.loop = kind;
    return std::make_shared<const StmtNode>(std::move(copy));
  });
  assert(found);
  (void)found;
}

Split Nest::split(const Var& var, std::int64_t factor) {
  Split result;
  root_ = rewrite_loop(root_, var, [&](const StmtNode& node) {
    assert(!node.begin && node.loop == LoopKind::serial);
    const Expr outer_extent = ceil_div(node.extent, factor);
    const std::int64_t known = outer_extent->kind == ExprKind::integer ? outer_extent->integer : -1;
    result.outer = variable(var->name + "o", known);
    result.inner = variable(var->name + "i", factor);
    const Stmt body = substitute(node.stmts.front(), var, use(result.outer) * factor + use(result.inner));
    return loop(result.outer, outer_extent, loop(result.inner, integer(factor), body));
  });
  assert(result.outer);
  return result;
}

void Nest::limit(const Var& var, const Expr& extent) {
  root_ = rewrite_loop(root_, var, [&](const StmtNode& node) {
    StmtNode copy = node;
    copy.extent = extent;
    return std::make_shared<const StmtNode>(std::move(copy));
  });
}

void Nest::guard(const Var& var, const Expr& condition) {
  root_ =
      rewrite_loop(root_, var, [&](const StmtNode& node) { return with_body(node, branch(condition, node.stmts.front())); });
}

void Nest::reorder(const std::vector<Var>& order) {
  const auto listed = [&](const Var& v) { return std::find(order.begin(), order.end(), v) != order.end(); };
  // The outermost listed loop is the first met from above.
  const std::function<Stmt(const Stmt&)> visit = [&](const Stmt& stmt) -> Stmt {
    if (stmt->kind == StmtKind::loop && listed(stmt->var)) {
      std::vector<Stmt> nest;
      Stmt at = stmt;
      while (at->kind == StmtKind::loop && listed(at->var)) {
        nest.push_back(at);
        at = at->stmts.front();
      }
      assert(nest.size() == order.size());
      Stmt body = at;
      for (auto v = order.rbegin(); v != order.rend(); ++v) {
        const auto found = std::find_if(nest.begin(), nest.end(), [&](const Stmt& s) { return s->var == *v; });
        assert(found != nest.end());
        body = with_body(**found, body);
      }
      return body;
    }
    if (stmt->stmts.empty()) return stmt;
    StmtNode node = *stmt;
    for (Stmt& s : node.stmts) s = visit(s);
    return std::make_shared<const StmtNode>(std::move(node));
  };
  root_ = visit(root_);
}

void Nest::compute_at(const Var& at, const Stmt& producer) {
  root_ = rewrite_loop(root_, at, [&](const StmtNode& node) {
    return with_body(node, block({producer, node.stmts.front()}));
  });
}

void Nest::attach_after(const Var& at, const Stmt& consumer) {
  root_ = rewrite_loop(root_, at, [&](const StmtNode& node) {
    return with_body(node, block({node.stmts.front(), consumer}));
  });
}

void Nest::cache_write(const Var& at, const Buffer& buffer, const Buffer& tile,
                       const std::function<std::vector<Expr>(const std::vector<Expr>&)>& index) {
  root_ = rewrite_loop(root_, at, [&](const StmtNode& node) {
    const auto to_tile = [&](const Expr& e) -> Expr {
      return e->kind == ExprKind::load && e->buffer == buffer ? load(tile, index(e->args)) : nullptr;
    };
    const std::function<Stmt(const Stmt&)> stores = [&](const Stmt& stmt) -> Stmt {
      if (stmt->kind == StmtKind::store && stmt->buffer == buffer) {
        return store(tile, index(stmt->indices), stmt->value, stmt->mask);
      }
      StmtNode copy = *stmt;
      for (Stmt& s : copy.stmts) s = stores(s);
      return std::make_shared<const StmtNode>(std::move(copy));
    };
    return with_body(node, stores(rewrite_exprs(node.stmts.front(), to_tile)));
  });
}

void Nest::pack(const Var& at, const Buffer& buffer, const Buffer& packed, const std::vector<Expr>& origin,
                const Stmt& producer) {
  root_ = rewrite_loop(root_, at, [&](const StmtNode& node) {
    const auto to_packed = [&](const Expr& e) -> Expr {
      if (e->kind != ExprKind::load || e->buffer != buffer) return nullptr;
      std::vector<Expr> indices;
      for (std::size_t axis = 0; axis < origin.size(); ++axis) {
        Affine shifted = affine(e->args[axis]);
        shifted.add(affine(origin[axis]), -1);
        indices.push_back(shifted.to_expr());
      }
      return load(packed, std::move(indices), e->mask);
    };
    return with_body(node, block({producer, rewrite_exprs(node.stmts.front(), to_packed)}));
  });
}

void Nest::tensorize_dot2(const Var& pair) {
  root_ = rewrite_loop(root_, pair, [&](const StmtNode& node) {
    const Stmt& body = node.stmts.front();
    assert(body->kind == StmtKind::store && body->value->kind == ExprKind::fma && pair->extent == 2);
    const auto paired = [&](const Expr& e) {
      assert(e->kind == ExprKind::load && e->buffer->element == Scalar::bf16);
      std::vector<Expr> indices = e->args;
      int axis = -1;
      for (std::size_t i = 0; i < indices.size(); ++i) {
        if (affine(indices[i]).coefficient_of(pair) == 0) continue;
        const auto parts = div_mod(affine(indices[i]), 2);
        assert(parts && parts->second.coefficient_of(pair) == 1);
        indices[i] = parts->first.to_expr();
        axis = static_cast<int>(i);
      }
      assert(axis >= 0);
      return load(pair_view(e->buffer, axis), std::move(indices), e->mask);
    };
    const auto& args = body->value->args;
    return store(body->buffer, body->indices, dot2(paired(args[0]), paired(args[1]), args[2]), body->mask);
  });
}

}  // namespace nntune::loopir
