#include <fmt/format.h>

#include "compiler/loopir/loopir.h"

namespace nntune::loopir {
namespace {

std::string join(const std::vector<Expr>& exprs) {
  std::string out;
  for (const Expr& e : exprs) out += (out.empty() ? "" : ", ") + text(e);
  return out;
}

std::string_view symbol(BinaryOp op) {
  switch (op) {
    case BinaryOp::add: return "+";
    case BinaryOp::sub: return "-";
    case BinaryOp::mul: return "*";
    case BinaryOp::div: return "/";
    case BinaryOp::mod: return "%";
    case BinaryOp::min: return "min";
    case BinaryOp::max: return "max";
    case BinaryOp::lt: return "<";
    case BinaryOp::le: return "<=";
    case BinaryOp::eq: return "==";
    case BinaryOp::logical_and: return "&&";
  }
  return "?";
}

std::string_view name(UnaryOp op) {
  switch (op) {
    case UnaryOp::exp: return "exp";
    case UnaryOp::exp2: return "exp2";
    case UnaryOp::log2: return "log2";
    case UnaryOp::sqrt: return "sqrt";
    case UnaryOp::to_f32: return "f32";
    case UnaryOp::to_i64: return "i64";
  }
  return "?";
}

std::string_view name(Param value) {
  switch (value) {
    case Param::rows: return "rows";
    case Param::position: return "position";
    case Param::thread: return "thread";
    case Param::threads: return "threads";
  }
  return "?";
}

std::string_view name(LoopKind kind) {
  switch (kind) {
    case LoopKind::serial: return "for";
    case LoopKind::unrolled: return "unrolled";
    case LoopKind::vectorized: return "vectorized";
    case LoopKind::parallel: return "parallel";
  }
  return "?";
}

std::string_view name(Scalar type) {
  switch (type) {
    case Scalar::i64: return "i64";
    case Scalar::i32: return "i32";
    case Scalar::f32: return "f32";
    case Scalar::bf16: return "bf16";
    case Scalar::bf16x2: return "bf16x2";
    case Scalar::boolean: return "bool";
  }
  return "?";
}

std::string masked(const Expr& mask) { return mask ? " if " + text(mask) : ""; }

void print(const Stmt& stmt, int depth, std::string& out) {
  const std::string indent(static_cast<std::size_t>(depth) * 2, ' ');
  switch (stmt->kind) {
    case StmtKind::block:
      for (const Stmt& s : stmt->stmts) print(s, depth, out);
      break;
    case StmtKind::loop: {
      out += fmt::format("{}{} {} in 0..{}\n", indent, name(stmt->loop), stmt->var->name, text(stmt->extent));
      print(stmt->stmts.front(), depth + 1, out);
      break;
    }
    case StmtKind::store:
      out += fmt::format("{}{}[{}] = {}{}\n", indent, stmt->buffer->name, join(stmt->indices), text(stmt->value),
                         masked(stmt->mask));
      break;
    case StmtKind::let:
      out += fmt::format("{}let {} = {}\n", indent, stmt->var->name, text(stmt->value));
      print(stmt->stmts.front(), depth, out);
      break;
    case StmtKind::branch:
      out += fmt::format("{}if {}\n", indent, text(stmt->value));
      print(stmt->stmts.front(), depth + 1, out);
      break;
    case StmtKind::prefetch:
      out += fmt::format("{}prefetch {}[{}]\n", indent, stmt->buffer->name, join(stmt->indices));
      break;
  }
}

std::string describe(const BufferNode& buffer) {
  return graph::TensorType{graph::DType::f32, buffer.shape, buffer.lanes}.text().replace(0, 3, name(buffer.element));
}

}  // namespace

std::string text(const Expr& expr) {
  switch (expr->kind) {
    case ExprKind::integer: return std::to_string(expr->integer);
    case ExprKind::number: return fmt::format("{}", expr->number);
    case ExprKind::variable: return expr->var->name;
    case ExprKind::param: return std::string(name(expr->param));
    case ExprKind::load: return fmt::format("{}[{}]{}", expr->buffer->name, join(expr->args), masked(expr->mask));
    case ExprKind::binary:
      if (expr->binary == BinaryOp::min || expr->binary == BinaryOp::max) {
        return fmt::format("{}({})", symbol(expr->binary), join(expr->args));
      }
      return fmt::format("({} {} {})", text(expr->args[0]), symbol(expr->binary), text(expr->args[1]));
    case ExprKind::unary: return fmt::format("{}({})", name(expr->unary), join(expr->args));
    case ExprKind::select: return fmt::format("select({})", join(expr->args));
    case ExprKind::fma: return fmt::format("fma({})", join(expr->args));
    case ExprKind::dot2: return fmt::format("dot2({})", join(expr->args));
    case ExprKind::reduce:
      return fmt::format("reduce_{}({} in 0..{}: {})", expr->binary == BinaryOp::add ? "add" : "max", expr->var->name,
                         expr->var->extent, join(expr->args));
  }
  return "?";
}

std::string text(const Stmt& stmt) {
  std::string out;
  print(stmt, 0, out);
  return out;
}

std::string text(const Function& function) {
  std::string out = "kernel " + function.name + "\n";
  for (const Buffer& buffer : function.operands) {
    out += fmt::format("  operand {}: {}\n", buffer->name, describe(*buffer));
  }
  for (const Buffer& buffer : function.scratch) {
    out += fmt::format("  scratch {}: {}\n", buffer->name, describe(*buffer));
  }
  print(function.body, 1, out);
  return out;
}

}  // namespace nntune::loopir
