/// Embedding rows by token id. ids: i32[m], table: [V, H] row-major or packed as a matmul's weights (tied embeddings are stored
/// once) -> f32[m, H].
#include "compiler/kernels/registry.h"

#include <algorithm>

#include "compiler/kernels/operands.h"
#include "compiler/kernels/row_chain.h"
#include "compiler/schedule/guesses.h"

namespace nntune::kernels {

using loopir::Buffer;
using loopir::Expr;
using loopir::integer;
using loopir::LoopKind;
using loopir::Stmt;
using loopir::use;
using loopir::Var;
using schedule::Schedule;
using schedule::Workload;

namespace {

constexpr double kCacheLineBytes = 64;

std::string refuse(const Workload& workload, const Isa&) {
  if (std::string why = refuse_types(workload); !why.empty()) return why;
  return workload.inputs[1].shape[1] % kColumnBlock == 0 ? "" : "rows are no multiple of 16 columns";
}

Work work(const Workload& workload, const Isa&) {
  const graph::TensorType& table = workload.inputs[1];
  const auto rows = static_cast<double>(workload.inputs[0].shape[0]);
  Work work;
  work.activation_bytes = rows * static_cast<double>(table.shape[1]) * 4;
  // A packed row lies in one cache line for every pair of its elements.
  const double row_bytes = static_cast<double>(table.shape[1]) * static_cast<double>(graph::size_bytes(table.dtype));
  work.weight_bytes = rows * (table.packed() ? static_cast<double>(table.outer(1)) * kCacheLineBytes : row_bytes);
  return work;
}

schedule::Space space(const Workload&, const Target&) {
  schedule::Space space;
  space.knobs.push_back({"unroll", {1, 2, 4}});
  return space;
}

double estimate_seconds(const Workload& workload, const Schedule& schedule, const Target& target) {
  return roofline_seconds(work(workload, target.isa), target, workload.threads) *
             (schedule.at("unroll") == 2 ? 1.0 : guesses::kOtherUnrolling) +
         target.barrier_seconds;
}

Expected<loopir::Function> build(const Workload& workload, const Schedule& schedule, const Isa& isa) {
  if (const std::string why = refuse(workload, isa); !why.empty())
    return fail(ErrorKind::unsupported, "no gather kernel: " + why);
  loopir::Function function;
  function.name = "embed";
  const std::size_t constant[] = {1};
  declare_operands(function, workload, constant);
  const Buffer ids = function.operands[0];
  const Buffer table = function.operands[1];
  const Buffer out = function.operands.back();
  const Var row = loopir::variable("row");
  const Var id = loopir::variable("id");
  const std::int64_t columns = workload.inputs[1].shape[1];
  const Stmt copy = for_columns(function, columns, 0, vector_lanes(isa), schedule.at("unroll"), [&](const Expr& column) {
    return loopir::store(out, {use(row), column}, loopir::load(table, {use(id), column}));
  });
  const Expr token = loopir::unary(loopir::UnaryOp::to_i64, loopir::load(ids, {use(row)}));
  function.body = loopir::loop(row, loopir::param(loopir::Param::rows), loopir::let(id, token, copy), LoopKind::parallel);
  return function;
}

}  // namespace

const Family& embed_family() {
  static constexpr Family family{
      .name = "embed", .refuse = refuse, .work = work, .space = space, .estimate_seconds = estimate_seconds, .build = build};
  return family;
}

}  // namespace nntune::kernels
