#include "compiler/loopir/loopir.h"

#include <utility>

namespace nntune::loopir {
namespace {

constexpr std::int64_t kScratchAlignment = 64;

bool is_integer(const Expr& e, std::int64_t value) { return e->kind == ExprKind::integer && e->integer == value; }

bool both_integers(const Expr& a, const Expr& b) { return a->kind == ExprKind::integer && b->kind == ExprKind::integer; }

std::int64_t fold(BinaryOp op, std::int64_t a, std::int64_t b) {
  switch (op) {
    case BinaryOp::add: return a + b;
    case BinaryOp::sub: return a - b;
    case BinaryOp::mul: return a * b;
    case BinaryOp::div: return a / b;
    case BinaryOp::mod: return a % b;
    case BinaryOp::min: return a < b ? a : b;
    case BinaryOp::max: return a < b ? b : a;
    case BinaryOp::lt: return a < b ? 1 : 0;
    case BinaryOp::le: return a <= b ? 1 : 0;
    case BinaryOp::eq: return a == b ? 1 : 0;
    case BinaryOp::logical_and: return (a != 0 && b != 0) ? 1 : 0;
  }
  return 0;
}

bool is_comparison(BinaryOp op) {
  return op == BinaryOp::lt || op == BinaryOp::le || op == BinaryOp::eq || op == BinaryOp::logical_and;
}

Expr make(ExprNode node) { return std::make_shared<const ExprNode>(std::move(node)); }
Stmt make(StmtNode node) { return std::make_shared<const StmtNode>(std::move(node)); }

}  // namespace

std::size_t size_bytes(Scalar type) {
  switch (type) {
    case Scalar::i64: return 8;
    case Scalar::bf16: return 2;
    case Scalar::boolean: return 1;
    case Scalar::i32:
    case Scalar::f32:
    case Scalar::bf16x2: return 4;
  }
  return 4;
}

Expr integer(std::int64_t value) { return make(ExprNode{.kind = ExprKind::integer, .integer = value}); }
Expr number(double value) { return make(ExprNode{.kind = ExprKind::number, .type = Scalar::f32, .number = value}); }
Expr param(Param value) { return make(ExprNode{.kind = ExprKind::param, .param = value}); }
Expr use(const Var& var) { return let_ref(var, Scalar::i64); }
Expr let_ref(const Var& var, Scalar type) { return make(ExprNode{.kind = ExprKind::variable, .type = type, .var = var}); }

Expr load(const Buffer& buffer, std::vector<Expr> indices, Expr mask) {
  const Scalar type = buffer->element == Scalar::bf16 ? Scalar::f32 : buffer->element;
  return make(
      ExprNode{.kind = ExprKind::load, .type = type, .buffer = buffer, .args = std::move(indices), .mask = std::move(mask)});
}

Expr binary(BinaryOp op, Expr a, Expr b) {
  if (both_integers(a, b) && (b->integer != 0 || (op != BinaryOp::div && op != BinaryOp::mod))) {
    Expr folded = integer(fold(op, a->integer, b->integer));
    if (!is_comparison(op)) return folded;
    ExprNode node = *folded;
    node.type = Scalar::boolean;
    return make(std::move(node));
  }
  if (op == BinaryOp::add && is_integer(a, 0)) return b;
  if ((op == BinaryOp::add || op == BinaryOp::sub) && is_integer(b, 0)) return a;
  if ((op == BinaryOp::mul || op == BinaryOp::div) && is_integer(b, 1)) return a;
  if (op == BinaryOp::mul && is_integer(a, 1)) return b;
  if (op == BinaryOp::mul && (is_integer(a, 0) || is_integer(b, 0))) return integer(0);
  const Scalar type = is_comparison(op) ? Scalar::boolean : a->type;
  return make(ExprNode{.kind = ExprKind::binary, .type = type, .binary = op, .args = {std::move(a), std::move(b)}});
}

Expr unary(UnaryOp op, Expr a) {
  const Scalar type = op == UnaryOp::to_i64 ? Scalar::i64 : Scalar::f32;
  return make(ExprNode{.kind = ExprKind::unary, .type = type, .unary = op, .args = {std::move(a)}});
}

Expr select(Expr condition, Expr yes, Expr no) {
  const Scalar type = yes->type;
  return make(
      ExprNode{.kind = ExprKind::select, .type = type, .args = {std::move(condition), std::move(yes), std::move(no)}});
}

Expr fma(Expr a, Expr b, Expr c) {
  return make(ExprNode{.kind = ExprKind::fma, .type = Scalar::f32, .args = {std::move(a), std::move(b), std::move(c)}});
}

Expr dot2(Expr a, Expr b, Expr c) {
  return make(ExprNode{.kind = ExprKind::dot2, .type = Scalar::f32, .args = {std::move(a), std::move(b), std::move(c)}});
}

Expr reduce(BinaryOp op, const Var& lane, Expr body) {
  return make(ExprNode{.kind = ExprKind::reduce, .type = Scalar::f32, .var = lane, .binary = op, .args = {std::move(body)}});
}

Stmt block(std::vector<Stmt> stmts) {
  if (stmts.size() == 1) return stmts.front();
  return make(StmtNode{.kind = StmtKind::block, .stmts = std::move(stmts)});
}

Stmt loop(const Var& var, Expr extent, Stmt body, LoopKind kind) {
  return make(
      StmtNode{.kind = StmtKind::loop, .stmts = {std::move(body)}, .var = var, .loop = kind, .extent = std::move(extent)});
}

Stmt store(const Buffer& buffer, std::vector<Expr> indices, Expr value, Expr mask) {
  return make(StmtNode{.kind = StmtKind::store,
                       .buffer = buffer,
                       .indices = std::move(indices),
                       .value = std::move(value),
                       .mask = std::move(mask)});
}

Stmt let(const Var& var, Expr value, Stmt body) {
  return make(StmtNode{.kind = StmtKind::let, .stmts = {std::move(body)}, .var = var, .value = std::move(value)});
}

Stmt branch(Expr condition, Stmt body) {
  return make(StmtNode{.kind = StmtKind::branch, .stmts = {std::move(body)}, .value = std::move(condition)});
}

Stmt prefetch(const Buffer& buffer, std::vector<Expr> indices) {
  return make(StmtNode{.kind = StmtKind::prefetch, .buffer = buffer, .indices = std::move(indices)});
}

Var variable(std::string name, std::int64_t extent) {
  return std::make_shared<const Variable>(Variable{std::move(name), extent});
}

void Function::refuse(std::string why) {
  if (refusal.empty()) refusal = std::move(why);
}

Buffer Function::add_scratch(std::string buffer_name, Scalar element, std::vector<std::int64_t> shape,
                             std::vector<graph::Lane> lanes, std::int64_t row_stride) {
  scratch.push_back(std::make_shared<const BufferNode>(BufferNode{.name = std::move(buffer_name),
                                                                  .element = element,
                                                                  .space = Space::scratch,
                                                                  .shape = std::move(shape),
                                                                  .lanes = std::move(lanes),
                                                                  .row_stride = row_stride}));
  return scratch.back();
}

std::int64_t Function::scratch_bytes() const {
  std::int64_t bytes = 0;
  for (const Buffer& buffer : scratch) bytes += aligned_bytes(*buffer);
  return bytes;
}

Buffer local_buffer(std::string name, std::vector<std::int64_t> shape) {
  return std::make_shared<const BufferNode>(
      BufferNode{.name = std::move(name), .element = Scalar::f32, .space = Space::local, .shape = std::move(shape)});
}

Expected<Buffer> pair_view(const Buffer& buffer, int axis) {
  const auto refuse = [&](const char* why) { return fail(ErrorKind::internal, "no pairs of " + buffer->name + ": " + why); };
  if (buffer->element != Scalar::bf16) return refuse("its elements are not bf16");
  BufferNode view = *buffer;
  view.view_of = buffer->view_of ? buffer->view_of : buffer;
  view.element = Scalar::bf16x2;
  view.name += ".pairs";
  const auto at = static_cast<std::size_t>(axis);
  if (view.shape[at] == graph::kRunTime) {
    view.stride_divisor *= 2;
  } else {
    view.shape[at] = (view.shape[at] + 1) / 2;
  }
  if (!view.lanes.empty()) {
    if (view.lanes.back().axis != axis || view.lanes.back().count % 2 != 0)
      return refuse("its innermost lanes are no pairs");
    view.lanes.back().count /= 2;
    if (view.lanes.back().count == 1) view.lanes.pop_back();
  } else {
    if (at + 1 != view.shape.size()) return refuse("the axis is not its innermost one");
    if (view.row_stride == graph::kRunTime) view.stride_divisor *= 2;
    if (view.row_stride > 0) {
      if (view.row_stride % 2 != 0) return refuse("its rows are an odd number of elements apart");
      view.row_stride /= 2;
    }
  }
  return std::make_shared<const BufferNode>(std::move(view));
}

const BufferNode* memory_of(const Buffer& buffer) { return buffer->view_of ? buffer->view_of.get() : buffer.get(); }

std::int64_t storage_bytes(const BufferNode& buffer) {
  std::int64_t elements = 1;
  for (std::size_t axis = 0; axis < buffer.shape.size(); ++axis) {
    std::int64_t lanes = 1;
    for (const graph::Lane& lane : buffer.lanes) {
      if (lane.axis == static_cast<int>(axis)) lanes *= lane.count;
    }
    std::int64_t extent = buffer.shape[axis];
    if (axis + 1 == buffer.shape.size() && buffer.row_stride > 0) extent = buffer.row_stride;
    elements *= (extent + lanes - 1) / lanes * lanes;
  }
  return elements * static_cast<std::int64_t>(size_bytes(buffer.element));
}

std::int64_t aligned_bytes(const BufferNode& buffer) {
  return (storage_bytes(buffer) + kScratchAlignment - 1) / kScratchAlignment * kScratchAlignment;
}

}  // namespace nntune::loopir
