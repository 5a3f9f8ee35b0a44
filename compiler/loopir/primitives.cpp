#include "compiler/loopir/primitives.h"

#include <fmt/format.h>

#include <algorithm>
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

void Nest::change_loop(const char* primitive, const Var& var, const std::function<Stmt(const StmtNode&)>& change) {
  int found = 0;
  root_ = rewrite_loop(root_, var, [&](const StmtNode& node) {
    ++found;
    return change(node);
  });
  if (found != 1) function_.refuse(fmt::format("{}: {} loops over {} instead of one", primitive, found, var->name));
}

void Nest::set_kind(const char* primitive, const Var& var, LoopKind kind) {
  change_loop(primitive, var, [&](const StmtNode& node) {
    StmtNode copy = node;
    copy.loop = kind;
    return std::make_shared<const StmtNode>(std::move(copy));
  });
}

Split Nest::split(const Var& var, std::int64_t factor) {
  // Loops of their own where there is nothing to split, so that what follows has variables to name.
  Split result{.outer = variable(var->name + "o"), .inner = variable(var->name + "i", factor)};
  if (factor < 1) {
    function_.refuse(fmt::format("split: {} in parts of {}", var->name, factor));
    return result;
  }
  change_loop("split", var, [&](const StmtNode& node) {
    if (node.loop != LoopKind::serial) function_.refuse(fmt::format("split: the loop over {} is not serial", var->name));
    const Expr outer_extent = ceil_div(node.extent, factor);
    const std::int64_t known = outer_extent->kind == ExprKind::integer ? outer_extent->integer : -1;
    result.outer = variable(var->name + "o", known);
    const Stmt body = substitute(node.stmts.front(), var, use(result.outer) * factor + use(result.inner));
    return loop(result.outer, outer_extent, loop(result.inner, integer(factor), body));
  });
  return result;
}

void Nest::limit(const Var& var, const Expr& extent) {
  change_loop("limit", var, [&](const StmtNode& node) {
    if (extent->kind == ExprKind::integer && var->extent >= 0 && extent->integer > var->extent) {
      function_.refuse(fmt::format("limit: {} iterations of {} are more than it has", extent->integer, var->name));
    }
    StmtNode copy = node;
    copy.extent = extent;
    return std::make_shared<const StmtNode>(std::move(copy));
  });
}

void Nest::guard(const Var& var, const Expr& condition) {
  change_loop("guard", var, [&](const StmtNode& node) { return with_body(node, branch(condition, node.stmts.front())); });
}

void Nest::reorder(const std::vector<Var>& order) {
  const auto listed = [&](const Var& v) { return std::find(order.begin(), order.end(), v) != order.end(); };
  bool done = false;
  // The outermost listed loop is the first met from above.
  const std::function<Stmt(const Stmt&)> visit = [&](const Stmt& stmt) -> Stmt {
    if (stmt->kind == StmtKind::loop && listed(stmt->var)) {
      std::vector<Stmt> nest;
      Stmt at = stmt;
      while (at->kind == StmtKind::loop && listed(at->var)) {
        nest.push_back(at);
        at = at->stmts.front();
      }
      Stmt body = at;
      for (auto v = order.rbegin(); v != order.rend(); ++v) {
        const auto found = std::find_if(nest.begin(), nest.end(), [&](const Stmt& s) { return s->var == *v; });
        if (nest.size() != order.size() || found == nest.end()) {
          function_.refuse(fmt::format("reorder: the loop over {} is not nested in its neighbours alone", (*v)->name));
          return stmt;
        }
        body = with_body(**found, body);
      }
      done = true;
      return body;
    }
    if (stmt->stmts.empty()) return stmt;
    StmtNode node = *stmt;
    for (Stmt& s : node.stmts) s = visit(s);
    return std::make_shared<const StmtNode>(std::move(node));
  };
  root_ = visit(root_);
  if (!done) function_.refuse("reorder: no such loops");
}

void Nest::compute_at(const Var& at, const Stmt& producer) {
  change_loop("compute_at", at, [&](const StmtNode& node) {
    return with_body(node, block({producer, node.stmts.front()}));
  });
}

void Nest::attach_after(const Var& at, const Stmt& consumer) {
  change_loop("attach_after", at, [&](const StmtNode& node) {
    return with_body(node, block({node.stmts.front(), consumer}));
  });
}

void Nest::cache_write(const Var& at, const Buffer& buffer, const Buffer& tile,
                       const std::function<std::vector<Expr>(const std::vector<Expr>&)>& index) {
  change_loop("cache_write", at, [&](const StmtNode& node) {
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
  change_loop("pack", at, [&](const StmtNode& node) {
    const auto to_packed = [&](const Expr& e) -> Expr {
      if (e->kind != ExprKind::load || e->buffer != buffer) return nullptr;
      if (e->args.size() != origin.size()) {
        function_.refuse(fmt::format("pack: {} has no origin of rank {}", buffer->name, e->args.size()));
        return nullptr;
      }
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
  // A load of both values of a pair at once, or null.
  const auto paired = [&](const Expr& e) -> Expr {
    if (e->kind != ExprKind::load) {
      function_.refuse("tensorize_dot2: a factor is no load");
      return nullptr;
    }
    std::vector<Expr> indices = e->args;
    int axis = -1;
    for (std::size_t i = 0; i < indices.size(); ++i) {
      if (affine(indices[i]).coefficient_of(pair) == 0) continue;
      const auto parts = div_mod(affine(indices[i]), 2);
      if (axis >= 0 || !parts || parts->second.coefficient_of(pair) != 1) {
        function_.refuse(fmt::format("tensorize_dot2: the values of {} are no pairs along {}", e->buffer->name, pair->name));
        return nullptr;
      }
      indices[i] = parts->first.to_expr();
      axis = static_cast<int>(i);
    }
    if (axis < 0) {
      function_.refuse(fmt::format("tensorize_dot2: {} does not depend on {}", e->buffer->name, pair->name));
      return nullptr;
    }
    const auto view = pair_view(e->buffer, axis);
    if (!view) {
      function_.refuse("tensorize_dot2: " + view.error().what);
      return nullptr;
    }
    return load(*view, std::move(indices), e->mask);
  };
  change_loop("tensorize_dot2", pair, [&](const StmtNode& node) -> Stmt {
    const Stmt& body = node.stmts.front();
    if (body->kind != StmtKind::store || body->value->kind != ExprKind::fma || pair->extent != 2) {
      function_.refuse("tensorize_dot2: not one multiply-add of two values");
      return std::make_shared<const StmtNode>(node);
    }
    const auto& args = body->value->args;
    const Expr a = paired(args[0]);
    const Expr b = paired(args[1]);
    if (!a || !b) return std::make_shared<const StmtNode>(node);
    return store(body->buffer, body->indices, dot2(a, b, args[2]), body->mask);
  });
}

}  // namespace nntune::loopir
