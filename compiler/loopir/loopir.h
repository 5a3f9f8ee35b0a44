/// Loop nests of one kernel, before they become machine code.
///
/// A small functional IR in the tradition of Halide and TVM: a nest starts as the plain definition of the computation over
/// logical indices; schedule primitives (primitives.h) rewrite it; codegen/ lowers it to LLVM IR. Buffers know their packed
/// layout (graph::Lane), so an access stays logical, e.g. W[j, k], whatever the layout.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "compiler/graph/types.h"

namespace nntune::loopir {

enum class Scalar : std::uint8_t {
  i64,  ///< indices
  i32,  ///< token ids
  f32,
  bf16,    ///< widened to f32 by a load and rounded (nearest even) by a store
  bf16x2,  ///< two consecutive bf16, operand of dot2
  boolean,
};
[[nodiscard]] std::size_t size_bytes(Scalar type);

struct Variable {
  std::string name;
  std::int64_t extent = -1;  ///< values are in [0, extent); -1: not known when compiling
};
using Var = std::shared_ptr<const Variable>;

/// Values known when the kernel is called (runtime/kernel_abi.h).
enum class Param : std::uint8_t {
  rows,
  position,  ///< of the first sequence
  thread,
  threads
};

struct ExprNode;
using Expr = std::shared_ptr<const ExprNode>;

enum class Space : std::uint8_t {
  operand,  ///< memory of the caller
  scratch,  ///< memory of the calling thread
  local,    ///< registers: every index must be constant after unrolling and vectorisation
};

struct BufferNode {
  std::string name;
  Scalar element = Scalar::f32;
  Space space = Space::operand;
  int operand = -1;                      ///< position in KernelCall::operands
  std::vector<std::int64_t> shape = {};  ///< logical; kRunTime: the operand's stride (KV capacity)
  std::vector<graph::Lane> lanes = {};
  /// Elements between rows of an unpacked matrix; 0: dense. kRunTime: KernelOperand::stride.
  std::int64_t row_stride = 0;
  /// What a run-time stride is divided by: 2 in a view as pairs.
  std::int64_t stride_divisor = 1;
  /// The buffer whose memory this is another view of; null: memory of its own.
  std::shared_ptr<const BufferNode> view_of = {};
};
using Buffer = std::shared_ptr<const BufferNode>;

enum class ExprKind : std::uint8_t { integer, number, variable, param, load, binary, unary, select, fma, dot2, reduce };
enum class BinaryOp : std::uint8_t { add, sub, mul, div, mod, min, max, lt, le, eq, logical_and };
enum class UnaryOp : std::uint8_t {
  exp,
  exp2,  ///< of at most 127; what is below -125 counts as -125
  log2,  ///< of positive normal numbers
  sqrt,
  to_f32,
  to_i64,
};

struct ExprNode {
  ExprKind kind = ExprKind::integer;
  Scalar type = Scalar::i64;
  std::int64_t integer = 0;
  double number = 0;
  Var var = {};  ///< variable; reduce: the lane variable
  Param param = Param::rows;
  BinaryOp binary = BinaryOp::add;  ///< also the operation of reduce (add, max)
  UnaryOp unary = UnaryOp::exp;
  Buffer buffer = {};  ///< load
  std::vector<Expr> args =
      {};          ///< load: indices; fma: a, b, c = a*b + c; dot2: a, b, c = a0*b0 + a1*b1 + c; select: c, t, f
  Expr mask = {};  ///< load: lanes (or the element) to read, others give 0; null: all
};

[[nodiscard]] Expr integer(std::int64_t value);
[[nodiscard]] Expr number(double value);
[[nodiscard]] Expr param(Param value);
[[nodiscard]] Expr use(const Var& var);
[[nodiscard]] Expr let_ref(const Var& var, Scalar type);
[[nodiscard]] Expr load(const Buffer& buffer, std::vector<Expr> indices, Expr mask = nullptr);
[[nodiscard]] Expr binary(BinaryOp op, Expr a, Expr b);
[[nodiscard]] Expr unary(UnaryOp op, Expr a);
[[nodiscard]] Expr select(Expr condition, Expr yes, Expr no);
[[nodiscard]] Expr fma(Expr a, Expr b, Expr c);
[[nodiscard]] Expr dot2(Expr a, Expr b, Expr c);
/// add or max of `body` over the `lanes` values of `lane`, as one vector operation.
[[nodiscard]] Expr reduce(BinaryOp op, const Var& lane, Expr body);

[[nodiscard]] inline Expr operator+(Expr a, Expr b) { return binary(BinaryOp::add, std::move(a), std::move(b)); }
[[nodiscard]] inline Expr operator-(Expr a, Expr b) { return binary(BinaryOp::sub, std::move(a), std::move(b)); }
[[nodiscard]] inline Expr operator*(Expr a, Expr b) { return binary(BinaryOp::mul, std::move(a), std::move(b)); }
[[nodiscard]] inline Expr operator/(Expr a, Expr b) { return binary(BinaryOp::div, std::move(a), std::move(b)); }
[[nodiscard]] inline Expr operator+(Expr a, std::int64_t b) { return std::move(a) + integer(b); }
[[nodiscard]] inline Expr operator*(Expr a, std::int64_t b) { return std::move(a) * integer(b); }
[[nodiscard]] inline Expr min(Expr a, Expr b) { return binary(BinaryOp::min, std::move(a), std::move(b)); }
[[nodiscard]] inline Expr max(Expr a, Expr b) { return binary(BinaryOp::max, std::move(a), std::move(b)); }
[[nodiscard]] inline Expr less(Expr a, Expr b) { return binary(BinaryOp::lt, std::move(a), std::move(b)); }
[[nodiscard]] inline Expr ceil_div(Expr a, std::int64_t b) { return (std::move(a) + (b - 1)) / integer(b); }

struct StmtNode;
using Stmt = std::shared_ptr<const StmtNode>;

enum class StmtKind : std::uint8_t { block, loop, store, let, branch, prefetch };
enum class LoopKind : std::uint8_t {
  serial,
  unrolled,    ///< constant extent
  vectorized,  ///< constant extent = lanes; innermost
  parallel,    ///< contiguous parts of the range, one a thread
};

struct StmtNode {
  StmtKind kind = StmtKind::block;
  std::vector<Stmt> stmts = {};  ///< block; loop, let, branch: one body
  Var var = {};                  ///< loop, let
  LoopKind loop = LoopKind::serial;
  Expr extent = {};                ///< loop: number of iterations, from 0 on
  Buffer buffer = {};              ///< store, prefetch
  std::vector<Expr> indices = {};  ///< store, prefetch
  Expr value = {};                 ///< store, let; branch: condition, the same for all lanes
  Expr mask = {};                  ///< store; null: all
};

[[nodiscard]] Stmt block(std::vector<Stmt> stmts);
[[nodiscard]] Stmt loop(const Var& var, Expr extent, Stmt body, LoopKind kind = LoopKind::serial);
[[nodiscard]] Stmt store(const Buffer& buffer, std::vector<Expr> indices, Expr value, Expr mask = nullptr);
[[nodiscard]] Stmt let(const Var& var, Expr value, Stmt body);
[[nodiscard]] Stmt branch(Expr condition, Stmt body);
[[nodiscard]] Stmt prefetch(const Buffer& buffer, std::vector<Expr> indices);

[[nodiscard]] Var variable(std::string name, std::int64_t extent = -1);

/// One kernel: every thread of a team runs `body`.
struct Function {
  std::string name;
  std::vector<Buffer> operands;  ///< in the order of KernelCall::operands
  std::vector<Buffer> scratch;   ///< placed one after the other, 64-byte aligned
  Stmt body;
  /// Why this is no kernel, "" as far as is known: the first thing that its construction could not do. verify() returns it, so
  /// that what cannot be scheduled never becomes code.
  std::string refusal = {};

  /// Records a refusal; the first one stays.
  void refuse(std::string why);
  /// Adds a scratch buffer.
  [[nodiscard]] Buffer add_scratch(std::string name, Scalar element, std::vector<std::int64_t> shape,
                                   std::vector<graph::Lane> lanes = {}, std::int64_t row_stride = 0);
  [[nodiscard]] std::int64_t scratch_bytes() const;
};

[[nodiscard]] Buffer local_buffer(std::string name, std::vector<std::int64_t> shape);
/// The memory of `buffer` seen as pairs of bf16 along `axis`: logical extent of that axis halves. Errors: internal (the buffer is
/// not of bf16, or neighbours along `axis` do not lie side by side).
[[nodiscard]] Expected<Buffer> pair_view(const Buffer& buffer, int axis);
/// The buffer whose memory `buffer` views, itself if it is no view.
[[nodiscard]] const BufferNode* memory_of(const Buffer& buffer);
/// Bytes of a buffer with static shape, padding of lanes included.
[[nodiscard]] std::int64_t storage_bytes(const BufferNode& buffer);
/// The same up to the next multiple of 64: what a scratch buffer takes.
[[nodiscard]] std::int64_t aligned_bytes(const BufferNode& buffer);

/// Readable text of a nest, e.g.
///   parallel jp in 0..128
///     for ko in 0..512
///       unrolled jv in 0..2
///         vectorized jl in 0..16
///           acc[0, jv*16 + jl] = dot2(x[0, ko], w[jp*32 + jv*16 + jl, ko], acc[0, jv*16 + jl])
[[nodiscard]] std::string text(const Stmt& stmt);
[[nodiscard]] std::string text(const Expr& expr);
[[nodiscard]] std::string text(const Function& function);

}  // namespace nntune::loopir
