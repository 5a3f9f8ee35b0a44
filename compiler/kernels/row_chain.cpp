#include "compiler/kernels/row_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace nntune::kernels {

using graph::Step;
using graph::StepKind;
using loopir::BinaryOp;
using loopir::Buffer;
using loopir::Expr;
using loopir::LoopKind;
using loopir::Scalar;
using loopir::Stmt;
using loopir::use;
using loopir::Var;

namespace {

/// Independent partial sums hide the latency of the additions.
constexpr std::int64_t kPartialSums = 4;

std::int64_t columns_after(const graph::Chain& chain, std::int64_t columns) {
  for (const Step& step : chain) columns /= step.traits().narrows;
  return columns;
}

}  // namespace

int lanes_for(std::int64_t columns, int lanes) {
  while (lanes > 1 && columns % lanes != 0) lanes /= 2;
  return lanes;
}

Stmt for_columns(loopir::Function& function, std::int64_t columns, std::int64_t group, int lanes, std::int64_t unroll,
                 const std::function<Stmt(const Expr&)>& body) {
  if (group != 0 && columns % group != 0) function.refuse(fmt::format("groups of {} of {} columns", group, columns));
  if (group == 0 || columns % group != 0) group = columns;
  const std::int64_t block = group % kColumnBlock == 0 ? kColumnBlock : lanes_for(group, lanes);
  lanes = std::min<int>(lanes, static_cast<int>(block));
  while (unroll > 1 && (group / block) % unroll != 0) unroll /= 2;
  const Var g = loopir::variable("g", columns / group);
  const Var p = loopir::variable("p", group / block / unroll);
  const Var u = loopir::variable("u", unroll);
  const Var q = loopir::variable("q", block / lanes);
  const Var l = loopir::variable("l", lanes);
  const Expr column = use(g) * group + (use(p) * unroll + use(u)) * block + use(q) * lanes + use(l);
  Stmt nest = body(column);
  if (lanes > 1) {
    nest = loopir::loop(l, loopir::integer(lanes), nest, LoopKind::vectorized);
  } else {
    nest = loopir::loop(l, loopir::integer(1), nest, LoopKind::unrolled);
  }
  nest = loopir::loop(q, loopir::integer(block / lanes), nest, LoopKind::unrolled);
  nest = loopir::loop(u, loopir::integer(unroll), nest, LoopKind::unrolled);
  nest = loopir::loop(p, loopir::integer(group / block / unroll), nest);
  return loopir::loop(g, loopir::integer(columns / group), nest);
}

std::int64_t smallest_group(const graph::Chain& chain, std::int64_t columns, std::span<const graph::TensorType> operands) {
  std::int64_t group = 0;
  const auto take = [&](std::int64_t candidate) {
    if (candidate > 0 && candidate < columns && (group == 0 || candidate < group)) group = candidate;
  };
  std::size_t operand = 0;
  for (const Step& step : chain) {
    if (step.traits().reach == graph::StepReach::group) take(step.group);
    if (step.traits().operand == graph::StepOperand::vector && operand < operands.size()) take(operands[operand].shape[0]);
    columns /= step.traits().narrows;
    operand += static_cast<std::size_t>(step.operands());
  }
  return group;
}

std::string refuse_chain(const graph::Chain& chain) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const Step& step = chain[i];
    const bool only_stores_follow = std::all_of(chain.begin() + static_cast<std::ptrdiff_t>(i), chain.end(),
                                                [](const Step& s) { return s.traits().stores; });
    if (step.traits().stores && !only_stores_follow) return "a cast in the middle of a chain is not generated";
    if (step.traits().reach == graph::StepReach::group && step.group > 0 && step.group % kColumnBlock != 0) {
      return fmt::format("groups of {} columns are no multiple of {}", step.group, kColumnBlock);
    }
    if (step.kind == StepKind::rope && step.group % (2 * kColumnBlock) != 0) return "half a head is no multiple of a block";
    if (step.kind == StepKind::swiglu_pairs && step.group != kColumnBlock)
      return "gate/up pairs must alternate in blocks of 16";
  }
  return "";
}

std::string refuse_grouped_chain(const graph::Chain& chain, std::int64_t columns,
                                 std::span<const graph::TensorType> operands) {
  const std::int64_t group = smallest_group(chain, columns, operands);
  const std::int64_t results = columns_after(chain, columns);
  if (group > 0 && results % group != 0) return fmt::format("groups of {} do not divide {} columns", group, results);
  return refuse_chain(chain);
}

Expr swiglu(const Expr& gate, const Expr& up) {
  const Expr decay = loopir::unary(loopir::UnaryOp::exp, loopir::number(0) - gate);
  return gate / (loopir::number(1) + decay) * up;
}

RowChain::RowChain(loopir::Function& function, int lanes, Expr row, std::int64_t columns, std::int64_t group, Read read,
                   Read mask)
    : function_(function),
      lanes_(lanes),
      row_(std::move(row)),
      columns_(columns),
      group_(group),
      read_(std::move(read)),
      mask_(std::move(mask)) {}

Buffer RowChain::scratch(const char* name, std::int64_t size) {
  return function_.add_scratch(fmt::format("{}{}", name, function_.scratch.size()), Scalar::f32, {size});
}

void RowChain::apply(const graph::Chain& chain, std::span<const Buffer> operands) {
  std::size_t next = 0;
  for (const Step& step : chain) {
    const bool takes = step.operands() == 1;
    apply(step, takes ? operands[next] : nullptr);
    if (takes) ++next;
  }
}

void RowChain::apply(const Step& step, const Buffer& operand) {
  const Read before = read_;
  const auto operand_at = [row = row_, mask = mask_, operand](const Expr& column) {
    return loopir::load(operand, {row, column}, mask ? mask(column) : nullptr);
  };
  const auto repeated = [columns = columns_, mask = mask_, operand](const Expr& column) {
    const std::int64_t period = operand->shape[0];
    const Expr at = period == columns ? column : loopir::binary(BinaryOp::mod, column, loopir::integer(period));
    return loopir::load(operand, {at}, mask ? mask(column) : nullptr);
  };
  switch (step.kind) {
    case StepKind::rms: rms(step); return;
    case StepKind::rope: rope(step, operand); return;
    case StepKind::softmax: softmax(); return;
    case StepKind::cast:
    case StepKind::quantise:  // refused before
    case StepKind::pack: return;
    case StepKind::scale:
      read_ = [before, repeated](const Expr& column) { return before(column) * repeated(column); };
      break;
    case StepKind::bias: read_ = [before, repeated](const Expr& column) { return before(column) + repeated(column); }; break;
    case StepKind::add:
      read_ = [before, operand_at](const Expr& column) { return before(column) + operand_at(column); };
      break;
    case StepKind::swiglu:
      read_ = [before, operand_at](const Expr& column) { return swiglu(before(column), operand_at(column)); };
      break;
    case StepKind::swiglu_split:
      columns_ /= 2;
      read_ = [before, half = columns_](const Expr& column) { return swiglu(before(column), before(column + half)); };
      break;
    case StepKind::swiglu_pairs:
      columns_ /= 2;
      read_ = [before, group = step.group](const Expr& column) {
        const Expr block = column / loopir::integer(group);
        const Expr gate = block * (2 * group) + loopir::binary(BinaryOp::mod, column, loopir::integer(group));
        return swiglu(before(gate), before(gate + group));
      };
      break;
  }
  in_memory_ = false;
}

void RowChain::materialise() {
  if (in_memory_) return;
  const Buffer row = scratch("row", columns_);
  statements_.push_back(for_columns(function_, columns_, group_, lanes_, 1,
                                    [&](const Expr& column) { return loopir::store(row, {column}, read_(column)); }));
  read_ = [row](const Expr& column) { return loopir::load(row, {column}); };
  in_memory_ = true;
}

void RowChain::rms(const Step& step) {
  materialise();
  const std::int64_t group = step.group == 0 ? columns_ : step.group;
  const std::int64_t groups = columns_ / group;
  const int lanes = lanes_for(group, lanes_);
  std::int64_t partials = kPartialSums;
  while (partials > 1 && group % (lanes * partials) != 0) partials /= 2;
  const Buffer inverse = scratch("inverse", groups);
  const Buffer sums = loopir::local_buffer("sums", {partials * lanes});
  const Var g = loopir::variable("g", groups);
  const auto lane_loop = [&](const std::function<Stmt(const Expr& partial_column)>& body) {
    const Var u = loopir::variable("u", partials);
    const Var l = loopir::variable("l", lanes);
    const Stmt lane = loopir::loop(l, loopir::integer(lanes), body(use(u) * lanes + use(l)),
                                   lanes > 1 ? LoopKind::vectorized : LoopKind::unrolled);
    return loopir::loop(u, loopir::integer(partials), lane, LoopKind::unrolled);
  };
  const Stmt clear = lane_loop([&](const Expr& at) { return loopir::store(sums, {at}, loopir::number(0)); });
  const Var c = loopir::variable("c", group / (lanes * partials));
  const Stmt accumulate = lane_loop([&](const Expr& at) {
    const Expr value = read_(use(g) * group + use(c) * (lanes * partials) + at);
    return loopir::store(sums, {at}, loopir::fma(value, value, loopir::load(sums, {at})));
  });
  Expr total = loopir::number(0);
  for (std::int64_t u = 0; u < partials; ++u) {
    const Var l = loopir::variable("l", lanes);
    total = total + loopir::reduce(BinaryOp::add, l, loopir::load(sums, {loopir::integer(u * lanes) + use(l)}));
  }
  const Expr mean = total * loopir::number(1.0 / static_cast<double>(group));
  const Expr value = loopir::number(1) / loopir::unary(loopir::UnaryOp::sqrt, mean + loopir::number(step.eps));
  statements_.push_back(
      loopir::loop(g, loopir::integer(groups),
                   loopir::block({clear, loopir::loop(c, loopir::integer(group / (lanes * partials)), accumulate),
                                  loopir::store(inverse, {use(g)}, value)})));
  read_ = [before = read_, inverse, group, groups](const Expr& column) {
    const Expr at = groups == 1 ? loopir::integer(0) : column / loopir::integer(group);
    return before(column) * loopir::load(inverse, {at});
  };
  in_memory_ = false;
}

void RowChain::rope(const Step& step, const Buffer& table) {
  materialise();
  const std::int64_t head = step.group;
  const std::int64_t half = head / 2;
  const Buffer turned = scratch("turned", columns_);
  const Expr position = loopir::param(loopir::Param::position) + row_;
  const Var h = loopir::variable("h", columns_ / head);
  const Stmt body = for_columns(function_, half, 0, lanes_, 1, [&](const Expr& column) {
    const Expr first = use(h) * head + column;
    const Expr a = read_(first);
    const Expr b = read_(first + half);
    const Expr cosine = loopir::load(table, {position, column});
    const Expr sine = loopir::load(table, {position, column + half});
    return loopir::block({loopir::store(turned, {first}, a * cosine - b * sine),
                          loopir::store(turned, {first + half}, b * cosine + a * sine)});
  });
  statements_.push_back(loopir::loop(h, loopir::integer(columns_ / head), body));
  read_ = [turned](const Expr& column) { return loopir::load(turned, {column}); };
  in_memory_ = true;
}

void RowChain::softmax() {
  const int lanes = lanes_for(columns_, lanes_);
  materialise();
  const Buffer powers = scratch("powers", columns_);
  const Buffer inverse = scratch("inverse", 1);
  const Buffer best = loopir::local_buffer("best", {lanes});
  const auto lane_loop = [&](const std::function<Stmt(const Var&)>& body) {
    const Var l = loopir::variable("l", lanes);
    return loopir::loop(l, loopir::integer(lanes), body(l), lanes > 1 ? LoopKind::vectorized : LoopKind::unrolled);
  };
  const auto all = [&](const std::function<Stmt(const Var&, const Expr&)>& body) {
    const Var c = loopir::variable("c", columns_ / lanes);
    return loopir::loop(c, loopir::integer(columns_ / lanes),
                        lane_loop([&](const Var& l) { return body(l, use(c) * lanes + use(l)); }));
  };
  const Buffer highest = scratch("highest", 1);
  const Var r = loopir::variable("l", lanes);
  statements_.push_back(lane_loop([&](const Var& l) { return loopir::store(best, {use(l)}, loopir::number(-3e38)); }));
  statements_.push_back(all([&](const Var& l, const Expr& column) {
    return loopir::store(best, {use(l)}, loopir::max(loopir::load(best, {use(l)}), read_(column)));
  }));
  statements_.push_back(
      loopir::store(highest, {loopir::integer(0)}, loopir::reduce(BinaryOp::max, r, loopir::load(best, {use(r)}))));
  statements_.push_back(lane_loop([&](const Var& l) { return loopir::store(best, {use(l)}, loopir::number(0)); }));
  statements_.push_back(all([&](const Var& l, const Expr& column) {
    const Expr power = loopir::unary(loopir::UnaryOp::exp, read_(column) - loopir::load(highest, {loopir::integer(0)}));
    return loopir::block({loopir::store(powers, {column}, power),
                          loopir::store(best, {use(l)}, loopir::load(best, {use(l)}) + loopir::load(powers, {column}))});
  }));
  const Expr total = loopir::reduce(BinaryOp::add, r, loopir::load(best, {use(r)}));
  statements_.push_back(loopir::store(inverse, {loopir::integer(0)}, loopir::number(1) / total));
  read_ = [powers, inverse](const Expr& column) {
    return loopir::load(powers, {column}) * loopir::load(inverse, {loopir::integer(0)});
  };
  in_memory_ = false;
}

}  // namespace nntune::kernels
