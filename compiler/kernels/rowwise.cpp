/// Row-wise work: a chain of steps on each row (RMSNorm, RoPE, SiLU·mul, add, softmax, casts and packing) on its own, and with
/// the result written to rows past..past+m of a KV cache.
#include "compiler/kernels/registry.h"

#include <algorithm>
#include <cmath>

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

/// Vector operations for each vector that is put together from, or taken apart to, a packed layout.
constexpr double kGatherOperations = 16;

std::size_t extra_operands(const Workload& workload) {
  return static_cast<std::size_t>(graph::operands(workload.op().prologue()));
}

Work chain_work(const Workload& workload, const Isa&) {
  Work work;
  for (const graph::TensorType& type : workload.inputs)
    work.activation_bytes += operand_bytes(type, workload.inputs[0].shape[0]);
  work.activation_bytes += operand_bytes(workload.output, workload.inputs[0].shape[0]);
  return work;
}

schedule::Space chain_space(const Workload&, const Target& target) {
  const std::int64_t lanes = vector_lanes(target.isa);
  schedule::Space space;
  space.knobs.push_back({"lanes", lanes > 8 ? std::vector<std::int64_t>{8, 16} : std::vector<std::int64_t>{4, lanes}});
  space.knobs.push_back({"unroll", {1, 2, 4}});
  return space;
}

/// Seconds from the elements that pass through: a few vector operations each, more for exp.
double chain_seconds(const Workload& workload, const Schedule& schedule, const Target& target) {
  double operations = guesses::kChain;
  for (const graph::Step& step : workload.op().prologue()) operations += step.traits().operations;
  const graph::TensorType& x = workload.inputs[0];
  for (const graph::TensorType& type : workload.inputs)
    operations += type.rank() == 2 && type.packed() ? graph::traits(graph::StepKind::pack).operations : 0;
  const auto rows = static_cast<double>(x.shape[0]);
  const double elements = rows * static_cast<double>(x.shape[1]);
  const double threads = std::min(rows, static_cast<double>(std::max(1, std::min(workload.threads, target.cores))));
  const auto lanes = static_cast<double>(schedule.at("lanes"));
  const auto wide = static_cast<double>(vector_lanes(target.isa));
  const double compute = elements * operations / target.f32_fma * (wide / lanes);
  const double memory = chain_work(workload, target.isa).activation_bytes / target.l3_read;
  const double unroll = schedule.at("unroll") == 2 ? 1.0 : guesses::kOtherUnrolling;
  return std::max(compute, memory) / threads * unroll + target.barrier_seconds;
}

/// Each row's chain, then `result(row, column, value)` for each of its columns. `group`: of the columns of the result.
loopir::Function chain_function(
    const Workload& workload, const Schedule& schedule, std::int64_t output_group,
    const std::function<Stmt(const loopir::Function&, const Expr& row, const Expr& column, const Expr& value)>& result) {
  loopir::Function function;
  function.name = std::string(workload.family());
  declare_operands(function, workload, {});
  const int lanes = static_cast<int>(schedule.at("lanes"));
  const Buffer x = function.operands[0];
  const std::size_t count = extra_operands(workload);
  const auto extra = types(workload, 1, count);
  std::int64_t group = smallest_group(workload.op().prologue(), workload.inputs[0].shape[1], extra);
  const Var row = loopir::variable("row");
  const auto operands = buffers(function, 1, count);
  RowChain chain(function, lanes, use(row), workload.inputs[0].shape[1], group, [&](const Expr& column) {
    return loopir::load(x, {use(row), column});
  });
  chain.apply(workload.op().prologue(), operands);
  if (output_group > 0 && (group == 0 || output_group < group)) group = output_group;
  std::vector<Stmt> stmts = chain.preparation();
  stmts.push_back(for_columns(function, chain.columns(), group, lanes, schedule.at("unroll"),
                              [&](const Expr& column) { return result(function, use(row), column, chain.at(column)); }));
  function.body = loopir::loop(row, loopir::param(loopir::Param::rows), loopir::block(std::move(stmts)), LoopKind::parallel);
  return function;
}

std::string refuse_chain_of(const Workload& workload, const Isa&) {
  const graph::TensorType& x = workload.inputs[0];
  if (std::string why = refuse_types(workload); !why.empty()) return why;
  if (x.rank() != 2) return "rows of a matrix are needed";
  return refuse_grouped_chain(workload.op().prologue(), x.shape[1], types(workload, 1, extra_operands(workload)));
}

Expected<loopir::Function> build_rowwise(const Workload& workload, const Schedule& schedule, const Isa& isa) {
  if (const std::string why = refuse_chain_of(workload, isa); !why.empty())
    return fail(ErrorKind::unsupported, "no row-wise kernel: " + why);
  return chain_function(workload, schedule, 0,
                        [](const loopir::Function& function, const Expr& row, const Expr& column, const Expr& value) {
                          return loopir::store(function.operands.back(), {row, column}, value);
                        });
}

std::string refuse_append(const Workload& workload, const Isa& isa) {
  if (workload.output.shape[2] % kColumnBlock != 0) return "heads are no multiple of 16 columns";
  if (workload.inputs[0].packed()) return "packed input rows are not generated";
  return refuse_chain_of(workload, isa);
}

Work append_work(const Workload& workload, const Isa&) {
  Work work;
  const std::int64_t rows = workload.inputs[0].shape[0];
  work.activation_bytes = 2 * operand_bytes(workload.inputs[0], rows);
  return work;
}

Expected<loopir::Function> build_append(const Workload& workload, const Schedule& schedule, const Isa& isa) {
  if (const std::string why = refuse_append(workload, isa); !why.empty())
    return fail(ErrorKind::unsupported, "no cache kernel: " + why);
  const std::int64_t head = workload.output.shape[2];
  return chain_function(workload, schedule, head,
                        [head](const loopir::Function& function, const Expr& row, const Expr& column, const Expr& value) {
                          const Expr position = loopir::param(loopir::Param::position) + row;
                          const Expr within = loopir::binary(loopir::BinaryOp::mod, column, integer(head));
                          return loopir::store(function.operands.back(), {column / integer(head), position, within}, value);
                        });
}

}  // namespace

const Family& rowwise_family() {
  static constexpr Family family{.name = "rowwise",
                                 .refuse = refuse_chain_of,
                                 .work = chain_work,
                                 .space = chain_space,
                                 .estimate_seconds = chain_seconds,
                                 .build = build_rowwise};
  return family;
}

const Family& cache_append_family() {
  static constexpr Family family{.name = "cache_append",
                                 .refuse = refuse_append,
                                 .work = append_work,
                                 .space = chain_space,
                                 .estimate_seconds = chain_seconds,
                                 .build = build_append};
  return family;
}

}  // namespace nntune::kernels
