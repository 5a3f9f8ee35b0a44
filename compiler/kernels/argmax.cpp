/// The id of the largest logit. logits: f32[m, V] -> i32[m], the lowest index among equals.
#include "compiler/kernels/registry.h"

#include <algorithm>

#include "compiler/kernels/operands.h"
#include "compiler/kernels/row_chain.h"

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

std::string refuse(const Workload& workload, const Isa&) {
  // Indices travel in f32 lanes beside the values.
  return workload.inputs[0].shape[1] < (1 << 24) ? "" : "more than 2^24 columns";
}

Work work(const Workload& workload, const Isa&) {
  Work work;
  work.activation_bytes = operand_bytes(workload.inputs[0], 0);
  return work;
}

schedule::Space space(const Workload&, const Target& target) {
  schedule::Space space;
  const std::int64_t lanes = vector_lanes(target.isa);
  space.knobs.push_back({"lanes", {lanes / 2, lanes}});
  return space;
}

double estimate_seconds(const Workload& workload, const Schedule& schedule, const Target& target) {
  const double wide = static_cast<double>(vector_lanes(target.isa)) / static_cast<double>(schedule.at("lanes"));
  return work(workload, target.isa).activation_bytes / target.l2_read * wide + target.barrier_seconds;
}

Expected<loopir::Function> build(const Workload& workload, const Schedule& schedule, const Isa& isa) {
  if (const std::string why = refuse(workload, isa); !why.empty())
    return fail(ErrorKind::unsupported, "no argmax kernel: " + why);
  loopir::Function function;
  function.name = "argmax";
  declare_operands(function, workload, {});
  const Buffer logits = function.operands[0];
  const Buffer out = function.operands.back();
  const std::int64_t columns = workload.inputs[0].shape[1];
  const int lanes = lanes_for(columns, static_cast<int>(schedule.at("lanes")));
  const Buffer best = loopir::local_buffer("best", {lanes});
  const Buffer index = loopir::local_buffer("index", {lanes});
  const LoopKind kind = lanes > 1 ? LoopKind::vectorized : LoopKind::unrolled;
  const Var row = loopir::variable("row");
  const Var c = loopir::variable("c", columns / lanes);
  const Var l = loopir::variable("l", lanes);
  const Stmt clear = loopir::loop(l, integer(lanes),
                                  loopir::block({loopir::store(best, {use(l)}, loopir::number(-3.4e38)),
                                                 loopir::store(index, {use(l)}, loopir::number(0))}),
                                  kind);
  const Expr column = use(c) * lanes + use(l);
  const Expr value = loopir::load(logits, {use(row), column});
  const Expr better = loopir::less(loopir::load(best, {use(l)}), value);
  const Expr position = loopir::unary(loopir::UnaryOp::to_f32, column);
  const Stmt step = loopir::loop(
      l, integer(lanes),
      loopir::block({loopir::store(index, {use(l)}, loopir::select(better, position, loopir::load(index, {use(l)}))),
                     loopir::store(best, {use(l)}, loopir::max(loopir::load(best, {use(l)}), value))}),
      kind);
  const Var highest = loopir::variable("highest");
  const Expr maximum = loopir::reduce(loopir::BinaryOp::max, l, loopir::load(best, {use(l)}));
  // The lowest index among equals is the largest negative one.
  const Expr at_best =
      loopir::binary(loopir::BinaryOp::eq, loopir::load(best, {use(l)}), loopir::let_ref(highest, loopir::Scalar::f32));
  const Expr negative = loopir::number(0) - loopir::load(index, {use(l)});
  const Expr lowest = loopir::reduce(loopir::BinaryOp::max, l, loopir::select(at_best, negative, loopir::number(-3.4e38)));
  const Stmt finish = loopir::let(
      highest, maximum, loopir::store(out, {use(row)}, loopir::unary(loopir::UnaryOp::to_i64, loopir::number(0) - lowest)));
  function.body =
      loopir::loop(row, loopir::param(loopir::Param::rows),
                   loopir::block({clear, loopir::loop(c, integer(columns / lanes), step), finish}), LoopKind::parallel);
  return function;
}

}  // namespace

const Family& argmax_family() {
  static constexpr Family family{.name = "argmax",
                                 .refuse = refuse,
                                 .work = work,
                                 .space = space,
                                 .estimate_seconds = estimate_seconds,
                                 .build = build};
  return family;
}

}  // namespace nntune::kernels
