/// The parts of attention over splits of the positions, merged.
///
/// One task a head: weights from the sums of exponentials, then the weighted mean of the parts, a few vectors of columns at a
/// time. Small beside the attention it follows; it pays with a barrier.
#include "compiler/kernels/registry.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "compiler/kernels/operands.h"
#include "compiler/schedule/guesses.h"

namespace nntune::kernels {

using loopir::Buffer;
using loopir::Expr;
using loopir::integer;
using loopir::LoopKind;
using loopir::number;
using loopir::Scalar;
using loopir::Stmt;
using loopir::UnaryOp;
using loopir::use;
using loopir::Var;
using schedule::Schedule;
using schedule::Workload;

namespace {

struct Shape {
  std::int64_t heads = 1;
  std::int64_t splits = 2;
  std::int64_t head = 128;     ///< head_dim
  std::int64_t columns = 128;  ///< of one part: heads * head
};

Shape shape_of(const Workload& workload) {
  const auto& op = workload.op().as<graph::AttentionMerge>();
  const std::int64_t columns = workload.inputs[0].shape[1] / op.splits - op.heads;
  return {.heads = op.heads, .splits = op.splits, .head = columns / op.heads, .columns = columns};
}

class Builder {
 public:
  Builder(const Workload& workload, const Schedule& schedule, const Isa& isa)
      : s_(shape_of(workload)), lanes_(vector_lanes(isa)), width_(lanes_ * schedule.at("nv")) {
    function_.name = "attention_merge";
    declare_operands(function_, workload, {});
    weights_ = function_.add_scratch("weights", Scalar::f32, {s_.splits});
  }

  loopir::Function run() {
    const Var head = loopir::variable("head", s_.heads);
    function_.body = loopir::loop(head, integer(s_.heads), one_head(use(head)), LoopKind::parallel);
    return std::move(function_);
  }

 private:
  Stmt for_splits(const std::function<Stmt(const Expr& split)>& body) {
    const Var split = loopir::variable("split", s_.splits);
    return loopir::loop(split, integer(s_.splits), body(use(split)));
  }

  /// The columns of a tile, in vectors.
  Stmt for_tile(const std::function<Stmt(const Expr& column)>& body) {
    const Var v = loopir::variable("v", width_ / lanes_);
    const Var l = loopir::variable("l", lanes_);
    const Stmt inner = loopir::loop(l, integer(lanes_), body(use(v) * lanes_ + use(l)), LoopKind::vectorized);
    return loopir::loop(v, integer(width_ / lanes_), inner, LoopKind::unrolled);
  }

  Stmt one_head(const Expr& head) {
    const Buffer parts = function_.operands[0];
    const Buffer largest = loopir::local_buffer("largest", {1});
    const Buffer total = loopir::local_buffer("total", {1});
    const auto value = [](const Buffer& buffer) { return loopir::load(buffer, {integer(0)}); };
    const auto set = [](const Buffer& buffer, const Expr& to) { return loopir::store(buffer, {integer(0)}, to); };
    const auto log_sum = [&](const Expr& split) {
      return loopir::load(parts, {integer(0), split * s_.heads + head + s_.splits * s_.columns});
    };
    const Stmt find_largest =
        for_splits([&](const Expr& split) { return set(largest, loopir::max(value(largest), log_sum(split))); });
    const Stmt weigh = for_splits([&](const Expr& split) {
      const Var weight = loopir::variable("weight");
      const Expr weight_value = loopir::let_ref(weight, Scalar::f32);
      return loopir::let(
          weight, loopir::unary(UnaryOp::exp2, log_sum(split) - value(largest)),
          loopir::block({loopir::store(weights_, {split}, weight_value), set(total, value(total) + weight_value)}));
    });
    const Var inverse = loopir::variable("inverse");
    const Var tile = loopir::variable("tile", s_.head / width_);
    const Stmt mean =
        loopir::let(inverse, number(1) / value(total),
                    loopir::loop(tile, integer(s_.head / width_),
                                 weighted_mean(head * s_.head + use(tile) * width_, loopir::let_ref(inverse, Scalar::f32))));
    return loopir::block({set(largest, number(graph::kNoPositions)), set(total, number(0)), find_largest, weigh, mean});
  }

  /// Of the tile of columns from `first` on.
  Stmt weighted_mean(const Expr& first, const Expr& inverse) {
    const Buffer sums = loopir::local_buffer("sums", {width_});
    const Stmt clear = for_tile([&](const Expr& column) { return loopir::store(sums, {column}, number(0)); });
    const Stmt add = for_splits([&](const Expr& split) {
      return for_tile([&](const Expr& column) {
        const Expr part = loopir::load(function_.operands[0], {integer(0), split * s_.columns + first + column});
        const Expr sum = loopir::fma(part, loopir::load(weights_, {split}), loopir::load(sums, {column}));
        return loopir::store(sums, {column}, sum);
      });
    });
    const Stmt write = for_tile([&](const Expr& column) {
      return loopir::store(function_.operands.back(), {integer(0), first + column}, loopir::load(sums, {column}) * inverse);
    });
    return loopir::block({clear, add, write});
  }

  const Shape s_;
  std::int64_t lanes_;
  std::int64_t width_;  ///< columns that are summed at once
  loopir::Function function_;
  Buffer weights_;
};

std::string refuse(const Workload& workload, const Isa& isa) {
  if (std::string why = refuse_types(workload); !why.empty()) return why;
  if (shape_of(workload).head % vector_lanes(isa) != 0) return "heads are no multiple of a vector";
  return "";
}

Work work(const Workload& workload, const Isa&) {
  Work work;
  work.f32_macs = static_cast<double>(workload.inputs[0].shape[1]);
  work.activation_bytes = operand_bytes(workload.inputs[0], 0) + operand_bytes(workload.output, 0);
  return work;
}

schedule::Space space(const Workload& workload, const Target& target) {
  const std::int64_t vectors = shape_of(workload).head / vector_lanes(target.isa);
  schedule::Space space;
  space.knobs.push_back({"nv", {1, 2, 4, 8}});
  space.refuse = [vectors](const Schedule& schedule) -> std::string {
    return vectors % schedule.at("nv") == 0 ? "" : "tiles do not divide a head";
  };
  return space;
}

double estimate_seconds(const Workload& workload, const Schedule& schedule, const Target& target) {
  const Shape s = shape_of(workload);
  const auto heads = static_cast<double>(s.heads);
  const auto splits = static_cast<double>(s.splits);
  const double threads = std::max(1, std::min(workload.threads, target.cores));
  const double imbalance = std::ceil(heads / threads) * threads / heads;
  // An exponential for each part of a head; a sum in few registers waits for the additions, one in many spills nowhere.
  const double sums =
      static_cast<double>(s.columns) * splits * (1 + guesses::kMergeWait / static_cast<double>(schedule.at("nv")));
  const double weights = guesses::kMergeWeight * heads * splits;
  const double compute = (sums + weights) / target.f32_fma;
  // The parts lie in the caches of those who made them.
  const double memory = work(workload, target.isa).activation_bytes / target.l3_read;
  return (compute + memory) * imbalance / threads + target.barrier_seconds;
}

Expected<loopir::Function> build(const Workload& workload, const Schedule& schedule, const Isa& isa) {
  if (const std::string why = refuse(workload, isa); !why.empty()) {
    return fail(ErrorKind::unsupported, "no kernel to merge attention: " + why);
  }
  return Builder(workload, schedule, isa).run();
}

}  // namespace

const Family& attention_merge_family() {
  static constexpr Family family{.name = "attention_merge",
                                 .refuse = refuse,
                                 .work = work,
                                 .space = space,
                                 .estimate_seconds = estimate_seconds,
                                 .build = build};
  return family;
}

}  // namespace nntune::kernels
