#include "compiler/codegen/lower.h"

#include <fmt/format.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/IntrinsicsX86.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "compiler/codegen/vector_math.h"
#include "compiler/loopir/affine.h"
#include "compiler/loopir/verify.h"
#include "compiler/runtime/kernel_abi.h"

namespace nntune::codegen {
namespace {

using loopir::Affine;
using loopir::BinaryOp;
using loopir::Buffer;
using loopir::Expr;
using loopir::ExprKind;
using loopir::LoopKind;
using loopir::Param;
using loopir::Scalar;
using loopir::Space;
using loopir::Stmt;
using loopir::StmtKind;
using loopir::UnaryOp;
using loopir::Var;
using loopir::Variable;

/// A stride or offset: constant * value, or the constant alone where value is null.
struct Product {
  std::int64_t constant = 1;
  llvm::Value* value = nullptr;
};

/// Where an access lies, in elements from the start of its buffer.
struct Address {
  llvm::Value* dynamic = nullptr;  ///< null: 0
  std::int64_t constant = 0;
  Product lane_stride{.constant = 0, .value = nullptr};  ///< between neighbouring lanes

  [[nodiscard]] bool uniform() const { return lane_stride.constant == 0; }
  [[nodiscard]] bool contiguous() const { return lane_stride.constant == 1 && lane_stride.value == nullptr; }
};

class Lowering {
 public:
  Lowering(const loopir::Function& function, const Isa& isa, llvm::LLVMContext& context)
      : function_(function),
        module_(std::make_unique<llvm::Module>(function.name, context)),
        builder_(context),
        math_(builder_, isa) {
    std::int64_t offset = 0;
    for (const Buffer& buffer : function.scratch) {
      scratch_offsets_[buffer.get()] = offset;
      offset += loopir::aligned_bytes(*buffer);
    }
  }

  /// Of a function that loopir::verify accepts.
  Expected<std::unique_ptr<llvm::Module>> run() {
    auto* pointer = builder_.getPtrTy();
    auto* type = llvm::FunctionType::get(builder_.getVoidTy(), {pointer}, false);
    kernel_ = llvm::Function::Create(type, llvm::Function::ExternalLinkage, kEntrySymbol, *module_);
    kernel_->addFnAttr(llvm::Attribute::NoUnwind);
    kernel_->addFnAttr("prefer-vector-width", "512");
    kernel_->addFnAttr("min-legal-vector-width", "512");
    entry_ = llvm::BasicBlock::Create(builder_.getContext(), "entry", kernel_);
    builder_.SetInsertPoint(entry_);
    llvm::Value* call = kernel_->getArg(0);
    operands_ = field(call, offsetof(runtime::KernelCall, operands), pointer);
    params_[static_cast<std::size_t>(Param::rows)] = field(call, offsetof(runtime::KernelCall, rows), builder_.getInt64Ty());
    llvm::Value* sequences = field(call, offsetof(runtime::KernelCall, sequences), pointer);
    params_[static_cast<std::size_t>(Param::position)] =
        field(sequences, offsetof(runtime::KernelSequence, position), builder_.getInt64Ty());
    params_[static_cast<std::size_t>(Param::thread)] =
        field(call, offsetof(runtime::KernelCall, thread), builder_.getInt64Ty());
    params_[static_cast<std::size_t>(Param::threads)] =
        field(call, offsetof(runtime::KernelCall, threads), builder_.getInt64Ty());
    scratch_ = field(call, offsetof(runtime::KernelCall, scratch), pointer);
    for (std::size_t i = 0; i < function_.operands.size(); ++i) {
      const std::size_t at = i * sizeof(runtime::KernelOperand);
      data_.push_back(field(operands_, at + offsetof(runtime::KernelOperand, data), pointer));
      strides_.push_back(field(operands_, at + offsetof(runtime::KernelOperand, stride), builder_.getInt64Ty()));
    }
    emit(function_.body);
    builder_.CreateRetVoid();
    if (!refusal_.empty()) {
      return fail(ErrorKind::internal, fmt::format("{} cannot be lowered: {}", function_.name, refusal_),
                  "please report this with the workload and the schedule");
    }
    return std::move(module_);
  }

 private:
  llvm::Value* field(llvm::Value* base, std::size_t offset, llvm::Type* type) {
    return builder_.CreateLoad(type, builder_.CreateConstGEP1_64(builder_.getInt8Ty(), base, offset));
  }

  /// Records why this cannot be lowered; the first reason stays. What is emitted afterwards is thrown away.
  void refuse(std::string why) {
    if (refusal_.empty()) refusal_ = std::move(why);
  }

  // --- statements ---

  void emit(const Stmt& stmt) {
    switch (stmt->kind) {
      case StmtKind::block:
        for (const Stmt& s : stmt->stmts) emit(s);
        return;
      case StmtKind::loop: emit_loop(*stmt); return;
      case StmtKind::store: emit_store(*stmt); return;
      case StmtKind::let: {
        values_[stmt->var.get()] = emit(stmt->value);
        emit(stmt->stmts.front());
        return;
      }
      case StmtKind::branch: {
        auto* then = llvm::BasicBlock::Create(builder_.getContext(), "then", kernel_);
        auto* done = llvm::BasicBlock::Create(builder_.getContext(), "done", kernel_);
        builder_.CreateCondBr(emit(stmt->value), then, done);
        builder_.SetInsertPoint(then);
        emit(stmt->stmts.front());
        builder_.CreateBr(done);
        builder_.SetInsertPoint(done);
        return;
      }
      case StmtKind::prefetch: {
        llvm::Value* at = pointer(stmt->buffer, address(stmt->buffer, stmt->indices));
        builder_.CreateIntrinsic(llvm::Intrinsic::prefetch, {at->getType()},
                                 {at, builder_.getInt32(0), builder_.getInt32(3), builder_.getInt32(1)});
        return;
      }
    }
  }

  void emit_loop(const loopir::StmtNode& node) {
    const Variable* var = node.var.get();
    switch (node.loop) {
      case LoopKind::unrolled: {
        for (std::int64_t i = 0; i < node.extent->integer; ++i) {
          known_[var] = i;
          emit(node.stmts.front());
        }
        known_.erase(var);
        return;
      }
      case LoopKind::vectorized: {
        lane_ = var;
        lanes_ = node.extent->integer;
        emit(node.stmts.front());
        lane_ = nullptr;
        return;
      }
      case LoopKind::serial: {
        llvm::Value* extent = emit(node.extent);
        emit_counted(var, builder_.getInt64(0), extent, node.stmts.front());
        return;
      }
      case LoopKind::parallel: {
        llvm::Value* extent = emit(node.extent);
        llvm::Value* thread = param(Param::thread);
        llvm::Value* threads = param(Param::threads);
        llvm::Value* begin = builder_.CreateUDiv(builder_.CreateMul(extent, thread), threads);
        llvm::Value* next = builder_.CreateAdd(thread, builder_.getInt64(1));
        llvm::Value* end = builder_.CreateUDiv(builder_.CreateMul(extent, next), threads);
        emit_counted(var, begin, end, node.stmts.front());
        return;
      }
    }
  }

  void emit_counted(const Variable* var, llvm::Value* begin, llvm::Value* end, const Stmt& body) {
    auto* before = builder_.GetInsertBlock();
    auto* head = llvm::BasicBlock::Create(builder_.getContext(), var->name, kernel_);
    auto* done = llvm::BasicBlock::Create(builder_.getContext(), var->name + ".done", kernel_);
    builder_.CreateCondBr(builder_.CreateICmpSLT(begin, end), head, done);
    builder_.SetInsertPoint(head);
    auto* index = builder_.CreatePHI(builder_.getInt64Ty(), 2, var->name);
    index->addIncoming(begin, before);
    values_[var] = index;
    emit(body);
    llvm::Value* next = builder_.CreateAdd(index, builder_.getInt64(1), "", true, true);
    index->addIncoming(next, builder_.GetInsertBlock());
    builder_.CreateCondBr(builder_.CreateICmpSLT(next, end), head, done);
    builder_.SetInsertPoint(done);
  }

  void emit_store(const loopir::StmtNode& node) {
    llvm::Value* value = emit(node.value);
    llvm::Value* mask = node.mask ? emit(node.mask) : nullptr;
    if (irregular(node.buffer, node.indices)) {
      store_lanes(node.buffer, value, mask, [&](std::int64_t lane) { return one_lane(node.buffer, node.indices, lane); });
      return;
    }
    const Address at = address(node.buffer, node.indices);
    if (at.uniform()) {
      if (value->getType()->isVectorTy()) {
        refuse(fmt::format("all lanes would be stored to one element of {}", node.buffer->name));
        return;
      }
      store_scalar(node.buffer, pointer(node.buffer, at), value, mask);
      return;
    }
    if (!at.contiguous()) {
      store_lanes(node.buffer, value, mask, [&](std::int64_t lane) { return lane_pointer(node.buffer, at, lane); });
      return;
    }
    value = to_storage(widen(value), node.buffer->element);
    llvm::Value* to = pointer(node.buffer, at);
    const llvm::Align align(element_bytes(node.buffer));
    if (mask != nullptr) {
      builder_.CreateMaskedStore(value, to, align, widen(mask));
    } else {
      builder_.CreateAlignedStore(value, to, align);
    }
  }

  void store_lanes(const Buffer& buffer, llvm::Value* value, llvm::Value* mask,
                   const std::function<llvm::Value*(std::int64_t lane)>& to) {
    value = to_storage(widen(value), buffer->element);
    for (std::int64_t i = 0; i < lanes_; ++i) {
      const auto lane = static_cast<std::uint64_t>(i);
      llvm::Value* lane_mask = mask == nullptr ? nullptr : builder_.CreateExtractElement(widen(mask), lane);
      store_raw(to(i), builder_.CreateExtractElement(value, lane), element_bytes(buffer), lane_mask);
    }
  }

  void store_scalar(const Buffer& buffer, llvm::Value* to, llvm::Value* value, llvm::Value* mask) {
    store_raw(to, to_storage(value, buffer->element), element_bytes(buffer), mask);
  }

  void store_raw(llvm::Value* to, llvm::Value* value, std::uint64_t align, llvm::Value* mask) {
    if (mask == nullptr) {
      builder_.CreateAlignedStore(value, to, llvm::Align(align));
      return;
    }
    auto* then = llvm::BasicBlock::Create(builder_.getContext(), "store", kernel_);
    auto* done = llvm::BasicBlock::Create(builder_.getContext(), "stored", kernel_);
    builder_.CreateCondBr(mask, then, done);
    builder_.SetInsertPoint(then);
    builder_.CreateAlignedStore(value, to, llvm::Align(align));
    builder_.CreateBr(done);
    builder_.SetInsertPoint(done);
  }

  llvm::Value* to_storage(llvm::Value* value, Scalar element) {
    switch (element) {
      case Scalar::bf16: return math_.round_bf16(value);
      case Scalar::i32: return builder_.CreateTrunc(value, value->getType()->getWithNewType(builder_.getInt32Ty()));
      case Scalar::i64:
      case Scalar::f32:
      case Scalar::bf16x2:
      case Scalar::boolean: return value;
    }
    return value;
  }

  // --- addresses ---

  static std::uint64_t element_bytes(const Buffer& buffer) { return loopir::size_bytes(buffer->element); }

  llvm::Type* element_type(const Buffer& buffer) {
    switch (buffer->element) {
      case Scalar::f32: return builder_.getFloatTy();
      case Scalar::bf16: return builder_.getInt16Ty();
      case Scalar::i64: return builder_.getInt64Ty();
      case Scalar::boolean: return builder_.getInt8Ty();
      case Scalar::i32:
      case Scalar::bf16x2: return builder_.getInt32Ty();
    }
    return builder_.getInt32Ty();
  }

  Affine to_affine(const Expr& expr) {
    return loopir::affine(expr, [this](const Var& var) -> std::optional<std::int64_t> {
      const auto found = known_.find(var.get());
      return found == known_.end() ? std::nullopt : std::optional(found->second);
    });
  }

  static std::int64_t lanes_on(const Buffer& buffer, std::size_t axis) {
    std::int64_t lanes = 1;
    for (const graph::Lane& lane : buffer->lanes) {
      if (lane.axis == static_cast<int>(axis)) lanes *= lane.count;
    }
    return lanes;
  }

  /// The run-time extent of an axis, from the stride of the operand.
  llvm::Value* run_time_extent(const Buffer& buffer, std::int64_t lanes) {
    llvm::Value* stride = strides_[static_cast<std::size_t>(buffer->operand)];
    const std::int64_t divisor = buffer->stride_divisor * lanes;
    return divisor == 1 ? stride : builder_.CreateUDiv(stride, builder_.getInt64(static_cast<std::uint64_t>(divisor)));
  }

  struct SplitIndex {
    std::vector<Affine> outer;  ///< by axis: which tile
    std::vector<Affine> inner;  ///< by axis: where in the tile
  };

  SplitIndex split_index(const Buffer& buffer, const std::vector<Expr>& indices) {
    SplitIndex split;
    for (std::size_t axis = 0; axis < indices.size(); ++axis) {
      const Affine index = to_affine(indices[axis]);
      const std::int64_t lanes = lanes_on(buffer, axis);
      auto [quotient, remainder] = lanes == 1 ? std::pair(index, Affine()) : divide(index, lanes);
      split.outer.push_back(std::move(quotient));
      split.inner.push_back(std::move(remainder));
    }
    return split;
  }

  /// Whether neighbouring lanes are not the same distance apart, e.g. pairs of rows interleaved: index l becomes l/2, l%2.
  bool irregular(const Buffer& buffer, const std::vector<Expr>& indices) {
    if (lane_ == nullptr) return false;
    const SplitIndex split = split_index(buffer, indices);
    const auto hides_lane = [&](const Affine& sum) {
      return std::any_of(sum.terms.begin(), sum.terms.end(), [&](const Affine::Term& term) {
        return term.atom->kind != ExprKind::variable && loopir::mentions(term.atom, lane_);
      });
    };
    const bool opaque = std::any_of(split.outer.begin(), split.outer.end(), hides_lane) ||
                        std::any_of(split.inner.begin(), split.inner.end(), hides_lane);
    int axes = 0;
    const auto count = [&](const Affine& sum) {
      for (const Affine::Term& term : sum.terms)
        axes += term.atom->kind == ExprKind::variable && term.atom->var.get() == lane_;
    };
    for (std::size_t axis = 0; axis < indices.size(); ++axis) {
      count(split.outer[axis]);
      count(split.inner[axis]);
    }
    return opaque || axes > 1;
  }

  /// The address of one lane, by giving the lane variable its value.
  llvm::Value* one_lane(const Buffer& buffer, const std::vector<Expr>& indices, std::int64_t lane) {
    const Variable* variable = std::exchange(lane_, nullptr);
    known_[variable] = lane;
    llvm::Value* at = pointer(buffer, address(buffer, indices));
    known_.erase(variable);
    lane_ = variable;
    return at;
  }

  Address address(const Buffer& buffer, const std::vector<Expr>& indices) {
    Address at;
    Product stride;
    const auto [outer, inner] = split_index(buffer, indices);
    for (auto lane = buffer->lanes.rbegin(); lane != buffer->lanes.rend(); ++lane) {
      add(at, inner[static_cast<std::size_t>(lane->axis)], stride);
      stride.constant *= lane->count;
    }
    for (std::size_t axis = indices.size(); axis-- > 0;) {
      add(at, outer[axis], stride);
      if (axis == 0) break;
      const std::int64_t lanes = lanes_on(buffer, axis);
      const bool is_row = axis + 1 == indices.size() && buffer->lanes.empty();
      std::int64_t extent = buffer->shape[axis];
      if (is_row && buffer->row_stride != 0) extent = buffer->row_stride;
      if (extent == graph::kRunTime) {
        if (stride.value != nullptr) refuse(fmt::format("{} has two axes of unknown extent", buffer->name));
        stride.value = run_time_extent(buffer, lanes);
      } else {
        stride.constant *= (extent + lanes - 1) / lanes;
      }
    }
    return at;
  }

  std::pair<Affine, Affine> divide(const Affine& index, std::int64_t lanes) {
    if (auto parts = loopir::div_mod(index, lanes)) return *parts;
    const Expr whole = index.to_expr();
    const Expr divisor = loopir::integer(lanes);
    return {Affine{.constant = 0, .terms = {{loopir::binary(BinaryOp::div, whole, divisor), 1}}},
            Affine{.constant = 0, .terms = {{loopir::binary(BinaryOp::mod, whole, divisor), 1}}}};
  }

  void add(Address& at, const Affine& index, const Product& stride) {
    if (stride.value == nullptr) {
      at.constant += index.constant * stride.constant;
    } else if (index.constant != 0) {
      add_dynamic(at, builder_.getInt64(static_cast<std::uint64_t>(index.constant)), stride);
    }
    for (const Affine::Term& term : index.terms) {
      if (term.atom->kind == ExprKind::variable && term.atom->var.get() == lane_) {
        if (at.lane_stride.constant != 0) refuse("lanes move along two axes at once");
        at.lane_stride = {.constant = term.coefficient * stride.constant, .value = stride.value};
        continue;
      }
      add_dynamic(at, emit(term.atom), {.constant = term.coefficient * stride.constant, .value = stride.value});
    }
  }

  void add_dynamic(Address& at, llvm::Value* value, const Product& factor) {
    if (value->getType()->isVectorTy()) {
      refuse("an address in which lanes are hidden");
      return;
    }
    if (factor.value != nullptr) value = builder_.CreateMul(value, factor.value);
    if (factor.constant != 1)
      value = builder_.CreateMul(value, builder_.getInt64(static_cast<std::uint64_t>(factor.constant)));
    at.dynamic = at.dynamic == nullptr ? value : builder_.CreateAdd(at.dynamic, value);
  }

  llvm::Value* base(const Buffer& buffer) {
    switch (buffer->space) {
      case Space::operand: return data_[static_cast<std::size_t>(buffer->operand)];
      case Space::local: {
        llvm::Value*& slot = locals_[loopir::memory_of(buffer)];
        if (slot == nullptr) {
          std::int64_t count = 1;
          for (const std::int64_t extent : buffer->shape) count *= extent;
          llvm::IRBuilder<> at_entry(entry_, entry_->begin());
          auto* type = llvm::ArrayType::get(element_type(buffer), static_cast<std::uint64_t>(count));
          auto* slot_alloca = at_entry.CreateAlloca(type, nullptr, buffer->name);
          slot_alloca->setAlignment(llvm::Align(64));
          slot = slot_alloca;
        }
        return slot;
      }
      case Space::scratch: {
        const std::int64_t offset = scratch_offsets_.at(loopir::memory_of(buffer));
        return builder_.CreateConstGEP1_64(builder_.getInt8Ty(), scratch_, static_cast<std::uint64_t>(offset));
      }
    }
    return nullptr;
  }

  llvm::Value* pointer(const Buffer& buffer, const Address& at) {
    llvm::Type* type = element_type(buffer);
    llvm::Value* to = base(buffer);
    if (at.dynamic != nullptr) to = builder_.CreateGEP(type, to, at.dynamic);
    if (at.constant != 0) to = builder_.CreateConstGEP1_64(type, to, static_cast<std::uint64_t>(at.constant));
    return to;
  }

  llvm::Value* lane_pointer(const Buffer& buffer, Address at, std::int64_t lane) {
    const Product stride = at.lane_stride;
    if (stride.value == nullptr) {
      at.constant += stride.constant * lane;
    } else if (lane != 0) {
      add_dynamic(at, builder_.getInt64(static_cast<std::uint64_t>(lane)), stride);
    }
    return pointer(buffer, at);
  }

  // --- expressions ---

  llvm::Value* param(Param value) { return params_[static_cast<std::size_t>(value)]; }

  /// A vector of the current lanes.
  llvm::Value* widen(llvm::Value* value) {
    if (lane_ == nullptr || value->getType()->isVectorTy()) return value;
    return builder_.CreateVectorSplat(static_cast<unsigned>(lanes_), value);
  }

  /// Both values as vectors, if one is.
  void match(llvm::Value*& a, llvm::Value*& b) {
    if (a->getType()->isVectorTy() && !b->getType()->isVectorTy()) b = widen(b);
    if (b->getType()->isVectorTy() && !a->getType()->isVectorTy()) a = widen(a);
  }

  llvm::Value* emit(const Expr& expr) {
    switch (expr->kind) {
      case ExprKind::integer:
        if (expr->type == Scalar::boolean) return builder_.getInt1(expr->integer != 0);
        return builder_.getInt64(static_cast<std::uint64_t>(expr->integer));
      case ExprKind::number: return llvm::ConstantFP::get(builder_.getFloatTy(), expr->number);
      case ExprKind::variable: return emit_variable(expr);
      case ExprKind::param: return param(expr->param);
      case ExprKind::load: return emit_load(*expr);
      case ExprKind::binary: return emit_binary(*expr);
      case ExprKind::unary: {
        llvm::Value* a = emit(expr->args[0]);
        switch (expr->unary) {
          case UnaryOp::exp: return math_.exp(a);
          case UnaryOp::exp2: return math_.exp2(a);
          case UnaryOp::log2: return math_.log2(a);
          case UnaryOp::sqrt: return builder_.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, a);
          case UnaryOp::to_f32: return builder_.CreateSIToFP(a, a->getType()->getWithNewType(builder_.getFloatTy()));
          case UnaryOp::to_i64: {
            llvm::Type* wide = a->getType()->getWithNewType(builder_.getInt64Ty());
            return expr->args[0]->type == Scalar::f32 ? builder_.CreateFPToSI(a, wide) : builder_.CreateSExt(a, wide);
          }
        }
        return a;
      }
      case ExprKind::select: {
        llvm::Value* condition = emit(expr->args[0]);
        llvm::Value* yes = emit(expr->args[1]);
        llvm::Value* no = emit(expr->args[2]);
        match(yes, no);
        match(condition, yes);
        match(yes, no);
        return builder_.CreateSelect(condition, yes, no);
      }
      case ExprKind::fma:
      case ExprKind::dot2: {
        llvm::Value* a = emit(expr->args[0]);
        llvm::Value* b = emit(expr->args[1]);
        llvm::Value* c = emit(expr->args[2]);
        match(a, b);
        match(b, c);
        match(a, b);
        return expr->kind == ExprKind::fma ? math_.fma(a, b, c) : math_.dot2(a, b, c);
      }
      case ExprKind::reduce: {
        const Variable* outer = std::exchange(lane_, expr->var.get());
        const std::int64_t outer_lanes = std::exchange(lanes_, expr->var->extent);
        llvm::Value* value = widen(emit(expr->args[0]));
        lane_ = outer;
        lanes_ = outer_lanes;
        return expr->binary == BinaryOp::max ? math_.reduce_max(value) : math_.reduce_add(value);
      }
    }
    return nullptr;
  }

  llvm::Value* emit_variable(const Expr& expr) {
    const Variable* var = expr->var.get();
    if (var == lane_) {
      std::vector<llvm::Constant*> ramp;
      for (std::int64_t i = 0; i < lanes_; ++i) ramp.push_back(builder_.getInt64(static_cast<std::uint64_t>(i)));
      return llvm::ConstantVector::get(ramp);
    }
    if (const auto found = known_.find(var); found != known_.end()) {
      return builder_.getInt64(static_cast<std::uint64_t>(found->second));
    }
    return values_.at(var);
  }

  llvm::Value* emit_load(const loopir::ExprNode& node) {
    llvm::Type* type = element_type(node.buffer);
    const llvm::Align align(element_bytes(node.buffer));
    const auto gather = [&](const std::function<llvm::Value*(std::int64_t)>& from) {
      if (node.mask) refuse(fmt::format("a masked load of {} whose lanes do not lie side by side", node.buffer->name));
      llvm::Value* vector = llvm::PoisonValue::get(llvm::FixedVectorType::get(type, static_cast<unsigned>(lanes_)));
      for (std::int64_t i = 0; i < lanes_; ++i) {
        llvm::Value* element = builder_.CreateAlignedLoad(type, from(i), align);
        vector = builder_.CreateInsertElement(vector, element, static_cast<std::uint64_t>(i));
      }
      return vector;
    };
    llvm::Value* value = nullptr;
    if (irregular(node.buffer, node.args)) {
      value = gather([&](std::int64_t lane) { return one_lane(node.buffer, node.args, lane); });
      return node.buffer->element == Scalar::bf16 ? math_.widen_bf16(value) : value;
    }
    const Address at = address(node.buffer, node.args);
    if (at.uniform()) {
      llvm::Value* from = pointer(node.buffer, at);
      if (node.mask) {
        llvm::Value* mask = emit(node.mask);
        if (mask->getType()->isVectorTy()) mask = builder_.CreateExtractElement(mask, builder_.getInt64(0));
        auto* one = llvm::FixedVectorType::get(type, 1);
        value = builder_.CreateMaskedLoad(one, from, align, builder_.CreateVectorSplat(1, mask),
                                          llvm::Constant::getNullValue(one));
        value = builder_.CreateExtractElement(value, builder_.getInt64(0));
      } else {
        value = builder_.CreateAlignedLoad(type, from, align);
      }
    } else if (at.contiguous()) {
      auto* vector = llvm::FixedVectorType::get(type, static_cast<unsigned>(lanes_));
      llvm::Value* from = pointer(node.buffer, at);
      value = node.mask ? static_cast<llvm::Value*>(builder_.CreateMaskedLoad(vector, from, align, widen(emit(node.mask)),
                                                                              llvm::Constant::getNullValue(vector)))
                        : builder_.CreateAlignedLoad(vector, from, align);
    } else {
      value = gather([&](std::int64_t lane) { return lane_pointer(node.buffer, at, lane); });
    }
    return node.buffer->element == Scalar::bf16 ? math_.widen_bf16(value) : value;
  }

  llvm::Value* emit_binary(const loopir::ExprNode& node) {
    if (node.type == Scalar::i64) {
      const Affine sum = to_affine(std::make_shared<const loopir::ExprNode>(node));
      const bool opaque = sum.terms.size() == 1 && sum.constant == 0 && sum.terms[0].coefficient == 1;
      if (!opaque) return emit_affine(sum);
      const Expr& atom = sum.terms[0].atom;
      if (atom->kind != ExprKind::binary) return emit(atom);
      return emit_operation(*atom);
    }
    return emit_operation(node);
  }

  llvm::Value* emit_affine(const Affine& sum) {
    llvm::Value* total = builder_.getInt64(static_cast<std::uint64_t>(sum.constant));
    for (const Affine::Term& term : sum.terms) {
      llvm::Value* value = emit(term.atom);
      llvm::Value* factor = builder_.getInt64(static_cast<std::uint64_t>(term.coefficient));
      match(value, factor);
      value = builder_.CreateMul(value, factor);
      match(total, value);
      total = builder_.CreateAdd(total, value);
    }
    return total;
  }

  llvm::Value* emit_operation(const loopir::ExprNode& node) {
    llvm::Value* a = emit(node.args[0]);
    llvm::Value* b = emit(node.args[1]);
    match(a, b);
    const bool real = node.args[0]->type == Scalar::f32;
    switch (node.binary) {
      case BinaryOp::add: return real ? builder_.CreateFAdd(a, b) : builder_.CreateAdd(a, b);
      case BinaryOp::sub: return real ? builder_.CreateFSub(a, b) : builder_.CreateSub(a, b);
      case BinaryOp::mul: return real ? builder_.CreateFMul(a, b) : builder_.CreateMul(a, b);
      case BinaryOp::div: return real ? builder_.CreateFDiv(a, b) : builder_.CreateSDiv(a, b);
      case BinaryOp::mod: return builder_.CreateSRem(a, b);
      case BinaryOp::min:
        return builder_.CreateSelect(real ? builder_.CreateFCmpOLT(a, b) : builder_.CreateICmpSLT(a, b), a, b);
      case BinaryOp::max:
        return builder_.CreateSelect(real ? builder_.CreateFCmpOGT(a, b) : builder_.CreateICmpSGT(a, b), a, b);
      case BinaryOp::lt: return real ? builder_.CreateFCmpOLT(a, b) : builder_.CreateICmpSLT(a, b);
      case BinaryOp::le: return real ? builder_.CreateFCmpOLE(a, b) : builder_.CreateICmpSLE(a, b);
      case BinaryOp::eq: return real ? builder_.CreateFCmpOEQ(a, b) : builder_.CreateICmpEQ(a, b);
      case BinaryOp::logical_and: return builder_.CreateAnd(a, b);
    }
    return nullptr;
  }

  const loopir::Function& function_;
  std::unique_ptr<llvm::Module> module_;
  llvm::IRBuilder<> builder_;
  VectorMath math_;
  llvm::Function* kernel_ = nullptr;
  llvm::BasicBlock* entry_ = nullptr;
  llvm::Value* operands_ = nullptr;
  llvm::Value* scratch_ = nullptr;
  llvm::Value* params_[4] = {};
  std::vector<llvm::Value*> data_;
  std::vector<llvm::Value*> strides_;
  std::map<const loopir::BufferNode*, std::int64_t> scratch_offsets_;  ///< bytes
  std::map<const loopir::BufferNode*, llvm::Value*> locals_;
  std::map<const Variable*, llvm::Value*> values_;
  std::map<const Variable*, std::int64_t> known_;
  const Variable* lane_ = nullptr;
  std::int64_t lanes_ = 1;
  std::string refusal_;
};

}  // namespace

Expected<std::unique_ptr<llvm::Module>> lower(const loopir::Function& function, const Isa& isa, llvm::LLVMContext& context) {
  NNTUNE_TRY(loopir::verify(function));
  return Lowering(function, isa, context).run();
}

}  // namespace nntune::codegen
