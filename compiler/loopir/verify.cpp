#include "compiler/loopir/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace nntune::loopir {
namespace {

bool is_whole(Scalar type) { return type == Scalar::i64 || type == Scalar::i32; }

/// What a buffer's element is as a value.
Scalar loaded(Scalar element) { return element == Scalar::bf16 ? Scalar::f32 : element; }

/// What may be stored to an element: i32 is stored from an index.
bool stores(Scalar element, Scalar value) { return element == Scalar::i32 ? is_whole(value) : loaded(element) == value; }

class Verifier {
 public:
  explicit Verifier(const Function& function) : function_(function), refusal_(function.refusal) {
    for (const Buffer& buffer : function.scratch) scratch_.insert(buffer.get());
  }

  Status run() {
    for (std::size_t i = 0; i < function_.operands.size(); ++i) {
      const BufferNode& buffer = *function_.operands[i];
      if (buffer.space != Space::operand || buffer.operand != static_cast<int>(i)) refuse(buffer.name + " is no operand");
    }
    if (function_.body) {
      visit(*function_.body);
    } else {
      refuse("it has no body");
    }
    if (refusal_.empty()) return {};
    return fail(ErrorKind::internal, fmt::format("the nest of {} is not legal: {}", function_.name, refusal_),
                "please report this with the workload and the schedule");
  }

 private:
  /// The first reason stays.
  void refuse(std::string why) {
    if (refusal_.empty()) refusal_ = std::move(why);
  }

  void expect(bool holds, const char* what) {
    if (!holds) refuse(what);
  }

  // --- statements ---

  void visit(const StmtNode& stmt) {
    if (!refusal_.empty()) return;
    switch (stmt.kind) {
      case StmtKind::block:
        for (const Stmt& s : stmt.stmts) visit(*s);
        return;
      case StmtKind::loop: visit_loop(stmt); return;
      case StmtKind::store: visit_store(stmt); return;
      case StmtKind::let: {
        const Scalar type = visit(*stmt.value);
        in_scope(*stmt.var, type, varies(*stmt.value), [&] { visit(*stmt.stmts.front()); });
        return;
      }
      case StmtKind::branch: {
        expect(visit(*stmt.value) == Scalar::boolean, "a branch on what is no condition");
        const bool outer = std::exchange(own_branch_, own_branch_ || varies(*stmt.value));
        visit(*stmt.stmts.front());
        own_branch_ = outer;
        return;
      }
      case StmtKind::prefetch: visit_access(*stmt.buffer, stmt.indices); return;
    }
  }

  void visit_loop(const StmtNode& loop) {
    const Variable& var = *loop.var;
    const bool constant = loop.extent->kind == ExprKind::integer;
    expect(visit(*loop.extent) == Scalar::i64, "a loop's extent is no index");
    if (in_vector_) refuse(fmt::format("a loop over {} inside a vectorised one", var.name));
    // Divisions are proved away by what a variable says of its values.
    if (constant && var.extent >= 0 && loop.extent->integer > var.extent) {
      refuse(fmt::format("{} iterations of {}, whose values end at {}", loop.extent->integer, var.name, var.extent));
    }
    bool own = false;
    switch (loop.loop) {
      case LoopKind::serial: break;
      case LoopKind::unrolled:
      case LoopKind::vectorized:
        if (!constant || loop.extent->integer < 1) {
          refuse(fmt::format("the loop over {} has no constant extent", var.name));
        }
        break;
      case LoopKind::parallel:
        if (in_parallel_) refuse(fmt::format("the parallel loop over {} is inside another", var.name));
        own = true;
        break;
    }
    const bool outer_vector = std::exchange(in_vector_, in_vector_ || loop.loop == LoopKind::vectorized);
    const bool outer_parallel = std::exchange(in_parallel_, in_parallel_ || loop.loop == LoopKind::parallel);
    in_scope(var, Scalar::i64, own, [&] { visit(*loop.stmts.front()); });
    in_vector_ = outer_vector;
    in_parallel_ = outer_parallel;
  }

  void visit_store(const StmtNode& store) {
    visit_access(*store.buffer, store.indices);
    if (!stores(store.buffer->element, visit(*store.value))) {
      refuse(fmt::format("{} stores values of another type", store.buffer->name));
    }
    visit_mask(store.mask);
    if (store.buffer->space != Space::operand || own_branch_) return;
    const bool own = std::ranges::any_of(store.indices, [&](const Expr& index) { return varies(*index); });
    if (!own) refuse(fmt::format("every thread would store to the same elements of {}", store.buffer->name));
  }

  /// Visits with `var` defined; `own`: its value differs from thread to thread.
  template <class Body>
  void in_scope(const Variable& var, Scalar type, bool own, const Body& body) {
    if (!types_.emplace(&var, type).second) refuse(fmt::format("{} is defined inside itself", var.name));
    if (own) varying_.insert(&var);
    body();
    types_.erase(&var);
    varying_.erase(&var);
  }

  // --- expressions ---

  /// The type of a value, from those of its parts.
  Scalar visit(const ExprNode& expr) {
    if (!refusal_.empty()) return expr.type;
    const auto arg = [&](std::size_t i) { return visit(*expr.args[i]); };
    switch (expr.kind) {
      case ExprKind::integer:
      case ExprKind::number:
      case ExprKind::param: break;
      case ExprKind::variable: {
        const auto found = types_.find(expr.var.get());
        if (found == types_.end()) {
          refuse(fmt::format("{} is used outside its loop", expr.var->name));
        } else if (found->second != expr.type) {
          refuse(fmt::format("{} is used as another type", expr.var->name));
        }
        break;
      }
      case ExprKind::load:
        visit_access(*expr.buffer, expr.args);
        visit_mask(expr.mask);
        expect(expr.type == loaded(expr.buffer->element), "a load of another type than its buffer's");
        break;
      case ExprKind::binary: visit_binary(expr); break;
      case ExprKind::unary: visit_unary(expr.unary, arg(0)); break;
      case ExprKind::select: {
        expect(arg(0) == Scalar::boolean, "a select on what is no condition");
        expect(arg(1) == arg(2), "a select between types");
        break;
      }
      case ExprKind::fma:
        for (std::size_t i = 0; i < 3; ++i) expect(arg(i) == Scalar::f32, "a multiply-add of what is no f32");
        break;
      case ExprKind::dot2:
        expect(arg(0) == Scalar::bf16x2 && arg(1) == Scalar::bf16x2, "a dot of what are no pairs");
        expect(arg(2) == Scalar::f32, "a dot is added to what is no f32");
        break;
      case ExprKind::reduce:
        expect(expr.binary == BinaryOp::add || expr.binary == BinaryOp::max, "only sums and maxima reduce a vector");
        expect(expr.var->extent >= 1, "a reduction over an unknown number of lanes");
        in_scope(*expr.var, Scalar::i64, false, [&] { expect(arg(0) == Scalar::f32, "a reduction of what is no f32"); });
        break;
    }
    return expr.type;
  }

  void visit_binary(const ExprNode& expr) {
    const Scalar a = visit(*expr.args[0]);
    const Scalar b = visit(*expr.args[1]);
    expect(a == b, "an operation on two types");
    switch (expr.binary) {
      case BinaryOp::add:
      case BinaryOp::sub:
      case BinaryOp::mul:
      case BinaryOp::min:
      case BinaryOp::max:
      case BinaryOp::lt:
      case BinaryOp::le:
      case BinaryOp::eq: expect(is_whole(a) || a == Scalar::f32, "arithmetic on what are no numbers"); break;
      case BinaryOp::div:
      case BinaryOp::mod: {
        expect(is_whole(a) || (a == Scalar::f32 && expr.binary == BinaryOp::div), "a division of what are no numbers");
        const ExprNode& divisor = *expr.args[1];
        expect(divisor.kind != ExprKind::integer || divisor.integer > 0, "a division by nothing");
        break;
      }
      case BinaryOp::logical_and: expect(a == Scalar::boolean, "a conjunction of what are no conditions"); break;
    }
  }

  void visit_unary(UnaryOp op, Scalar of) {
    switch (op) {
      case UnaryOp::exp:
      case UnaryOp::exp2:
      case UnaryOp::log2:
      case UnaryOp::sqrt: expect(of == Scalar::f32, "a function of what is no f32"); break;
      case UnaryOp::to_f32: expect(is_whole(of), "f32 of what is no whole number"); break;
      case UnaryOp::to_i64: expect(is_whole(of) || of == Scalar::f32, "an index of what is no number"); break;
    }
  }

  void visit_mask(const Expr& mask) {
    if (mask) expect(visit(*mask) == Scalar::boolean, "a mask that is no condition");
  }

  void visit_access(const BufferNode& buffer, const std::vector<Expr>& indices) {
    if (indices.size() != buffer.shape.size()) {
      refuse(fmt::format("{} indices into {}, which has rank {}", indices.size(), buffer.name, buffer.shape.size()));
    }
    for (const Expr& index : indices) {
      if (visit(*index) != Scalar::i64) refuse(fmt::format("{} is accessed at what is no index", buffer.name));
    }
    const BufferNode& memory = buffer.view_of ? *buffer.view_of : buffer;
    switch (buffer.space) {
      case Space::operand:
        if (buffer.operand < 0 || buffer.operand >= static_cast<int>(function_.operands.size())) {
          refuse(fmt::format("{} is no operand of the kernel", buffer.name));
        }
        return;
      case Space::scratch:
        if (!scratch_.contains(&memory)) refuse(fmt::format("{} is no scratch of the kernel", buffer.name));
        break;
      case Space::local: break;
    }
    const bool run_time = buffer.row_stride == graph::kRunTime || std::ranges::count(buffer.shape, graph::kRunTime) != 0;
    if (run_time) refuse(fmt::format("{} is of unknown size and no operand", buffer.name));
  }

  /// Whether a value may differ from thread to thread.
  bool varies(const ExprNode& expr) const {
    if (expr.kind == ExprKind::variable) return varying_.contains(expr.var.get());
    if (expr.kind == ExprKind::param) return expr.param == Param::thread;
    return std::ranges::any_of(expr.args, [&](const Expr& arg) { return varies(*arg); });
  }

  const Function& function_;
  std::string refusal_;
  std::set<const BufferNode*> scratch_;
  std::map<const Variable*, Scalar> types_;  ///< of the variables in scope
  std::set<const Variable*> varying_;        ///< of these, those whose value differs from thread to thread
  bool in_vector_ = false;
  bool in_parallel_ = false;
  bool own_branch_ = false;  ///< under a condition that may differ from thread to thread
};

}  // namespace

Status verify(const Function& function) { return Verifier(function).run(); }

}  // namespace nntune::loopir
