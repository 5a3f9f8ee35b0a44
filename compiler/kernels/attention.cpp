/// Causal attention over a KV cache, for prefill and decode.
///
/// Online softmax over blocks of the cache (Dao et al., FlashAttention, arXiv 2205.14135): no scratch grows with the length;
/// blocks behind the diagonal are skipped. The query heads that share a key-value head are rows of one task, so the cache is
/// read once for them. Layouts: keys row-major, <1:16> (f32 FMA over 16 positions) or <1:16,2:2> (bf16 dot); values row-major
/// or <1:2> (bf16 dot, with the probabilities rounded to bf16). With splits (one row) a task is a key-value head and a split of
/// the positions, so that a long cache of few heads keeps all threads busy (Dao et al., Flash-Decoding, 2023).
#include "compiler/kernels/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/kernels/operands.h"
#include "compiler/kernels/register_tile.h"
#include "compiler/kernels/row_chain.h"
#include "compiler/loopir/primitives.h"
#include "compiler/schedule/guesses.h"

namespace nntune::kernels {

using graph::StepKind;
using loopir::BinaryOp;
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

/// Far below every score, yet a difference of two is an ordinary number. What no position adds to stays there.
constexpr double kMinusInfinity = graph::kNoPositions;

/// Scores are in units of ln 2, so that their exponents are powers of two.
constexpr double kLog2E = 1.44269504088896341;

/// What a score may be above the reference of its row before the row gets another one: powers stay below 2^8, so sums of
/// thousands of them are exact enough, and few blocks pay for rescaling (FlashAttention-4 does the same).
constexpr double kSlack = 8;

/// Share of its speed that a bf16 dot keeps where each value is broadcast for one dot only, measured on a Zen 4: 1.5 ms
/// instead of 1.1 for a product. An f32 multiply-add loses nothing.
constexpr double kBroadcastUsedOnce = 0.72;

/// What a sum of powers is at least for its inverse and logarithm; that of a row that saw a position is 1 or more.
constexpr double kLeastTotal = 1e-30;

struct Shape {
  std::int64_t m = 1;
  std::int64_t heads = 1;
  std::int64_t kv_heads = 1;
  std::int64_t head = 128;  ///< head_dim
  std::int64_t group = 1;   ///< query heads of one key-value head
  std::int64_t splits = 1;  ///< parts of the positions, each a task of its own
  bool gathers = false;     ///< neighbouring keys do not lie side by side
  bool dot_scores = false;  ///< keys in bf16 pairs
  bool dot_values = false;  ///< values in bf16 pairs
  schedule::OperandMap at;
  std::size_t prologue = 0;
};

Shape shape_of(const Workload& workload) {
  Shape s;
  s.at = schedule::operand_map(workload.op());
  s.prologue = static_cast<std::size_t>(graph::operands(workload.op().prologue()));
  const graph::TensorType& k = workload.inputs[s.at.w];
  const graph::TensorType& v = workload.inputs[s.at.w + 1];
  s.m = workload.inputs[0].shape[0];
  const auto& attention = workload.op().as<graph::Attention>();
  s.heads = attention.heads;
  s.kv_heads = attention.kv_heads;
  s.head = k.shape[2];
  s.group = s.heads / s.kv_heads;
  s.splits = attention.splits;
  s.gathers = k.lanes_on(1) == 1;
  s.dot_scores = k.lanes_on(2) == 2;
  s.dot_values = v.lanes_on(1) == 2;
  return s;
}

class Builder {
 public:
  Builder(const Workload& workload, const Schedule& schedule, const Isa& isa)
      : workload_(workload),
        s_(shape_of(workload)),
        lanes_(vector_lanes(isa)),
        qb_(s_.m == 1 ? 1 : schedule.at("qb")),
        tb_(schedule.at("tb")),
        mr_(schedule.at("mr")),
        nv_(schedule.at("nv")),
        nvo_(schedule.at("nvo")),
        rows_(s_.group * qb_) {}

  loopir::Function run() {
    function_.name = "attention";
    declare_operands(function_, workload_, {});
    query_ = function_.add_scratch("query", s_.dot_scores ? Scalar::bf16 : Scalar::f32, {rows_, s_.head});
    scores_ = function_.add_scratch("scores", Scalar::f32, {rows_, tb_});
    powers_ = s_.dot_values ? function_.add_scratch("powers", Scalar::bf16, {rows_, tb_}) : scores_;
    output_ = function_.add_scratch("output", Scalar::f32, {rows_, s_.head});
    reference_ = function_.add_scratch("reference", Scalar::f32, {rows_});
    total_ = function_.add_scratch("total", Scalar::f32, {rows_, lanes_});

    function_.body = s_.splits == 1 ? blocks_of_queries() : splits_of_keys();
    return std::move(function_);
  }

 private:
  /// A task: a key-value head and a block of queries, which sees the positions from the first one on.
  Stmt blocks_of_queries() {
    const Expr all_rows = s_.m == 1 ? integer(1) : loopir::param(loopir::Param::rows);
    const Expr blocks = s_.m == 1 ? integer(1) : ceil_div(all_rows, qb_);
    const Var task = loopir::variable("task");
    const Var kv_head = loopir::variable("kv_head");
    const Var block = loopir::variable("block");
    kv_head_ = use(kv_head);
    first_row_ = use(block) * qb_;
    begin_ = integer(0);
    end_ = loopir::param(loopir::Param::position) + loopir::min(first_row_ + qb_, all_rows);
    const Stmt body = loopir::block({load_queries(), clear(), blocks_of_keys(), write_result()});
    return loopir::loop(
        task, blocks * s_.kv_heads,
        loopir::let(kv_head, use(task) / blocks, loopir::let(block, loopir::binary(BinaryOp::mod, use(task), blocks), body)),
        LoopKind::parallel);
  }

  /// A task: a key-value head and a split of the positions, which gives its part of the only row.
  Stmt splits_of_keys() {
    const Var task = loopir::variable("task", s_.kv_heads * s_.splits);
    const Var kv_head = loopir::variable("kv_head", s_.kv_heads);
    const Var split = loopir::variable("split", s_.splits);
    const Var first = loopir::variable("first_block");
    const Var end = loopir::variable("end");
    const Expr positions = loopir::param(loopir::Param::position) + 1;
    const Expr blocks = ceil_div(positions, graph::kSplitBlock);
    kv_head_ = use(kv_head);
    first_row_ = integer(0);
    begin_ = use(first) * graph::kSplitBlock;
    end_ = use(end);
    const Expr last_block = (use(split) + 1) * blocks / integer(s_.splits);
    Stmt body = loopir::block({load_queries(), clear(), blocks_of_keys(), write_part(use(split))});
    body = loopir::let(end, loopir::min(positions, last_block * graph::kSplitBlock), body);
    body = loopir::let(first, use(split) * blocks / integer(s_.splits), body);
    body = loopir::let(split, loopir::binary(BinaryOp::mod, use(task), integer(s_.splits)), body);
    return loopir::loop(task, integer(s_.kv_heads * s_.splits), loopir::let(kv_head, use(task) / integer(s_.splits), body),
                        LoopKind::parallel);
  }

  Stmt blocks_of_keys() {
    const Var tb = loopir::variable("tb");
    return loopir::loop(tb, ceil_div(end_ - begin_, tb_),
                        loopir::block({scores(use(tb)), softmax(use(tb)), values(use(tb))}));
  }

  /// body(row of the task, query head within the group, row within the block) for each row.
  Stmt for_rows(const std::function<Stmt(const Expr& row, const Expr& g, const Expr& i)>& body) {
    const Var g = loopir::variable("g", s_.group);
    const Var i = loopir::variable("i", qb_);
    const Stmt inner = loopir::loop(i, integer(qb_), body(use(g) * qb_ + use(i), use(g), use(i)));
    return loopir::loop(g, integer(s_.group), inner);
  }

  Stmt for_lanes(std::int64_t columns, const std::function<Stmt(const Expr& column)>& body) {
    const std::int64_t lanes = lanes_for(columns, static_cast<int>(lanes_));
    const Var v = loopir::variable("v", columns / lanes);
    const Var l = loopir::variable("l", lanes);
    const Stmt inner = loopir::loop(l, integer(lanes), body(use(v) * lanes + use(l)), LoopKind::vectorized);
    return loopir::loop(v, integer(columns / lanes), inner, LoopKind::unrolled);
  }

  Stmt load_queries() {
    const Buffer q = function_.operands[0];
    return for_rows([&](const Expr& row, const Expr& g, const Expr& i) {
      const Expr first = (kv_head_ * s_.group + g) * s_.head;
      const Expr at = first_row_ + i;
      RowChain chain(function_, static_cast<int>(lanes_), at, s_.head, 0, [&, first, at](const Expr& column) {
        return loopir::load(q, {at, first + column});
      });
      chain.apply(workload_.op().prologue(), buffers(function_, s_.at.prologue, s_.prologue));
      std::vector<Stmt> stmts = chain.preparation();
      stmts.push_back(for_lanes(s_.head, [&](const Expr& column) {
        return loopir::store(query_, {row, column},
                             chain.at(column) * number(workload_.op().as<graph::Attention>().scale * kLog2E));
      }));
      return loopir::block(std::move(stmts));
    });
  }

  Stmt clear() {
    return for_rows([&](const Expr& row, const Expr&, const Expr&) {
      return loopir::block({loopir::store(reference_, {row}, number(kMinusInfinity)),
                            for_lanes(lanes_,
                                      [&](const Expr& lane) {
                                        return loopir::store(total_, {row, lane}, number(0));
                                      }),
                            for_lanes(s_.head, [&](const Expr& column) {
                              return loopir::store(output_, {row, column}, number(0));
                            })});
    });
  }

  /// The first position of block `tb`.
  Expr position(const Expr& tb) { return begin_ + tb * tb_; }

  /// How many positions of block `tb` the last of the rows up to row `i` of a block of queries sees; may be outside 0..tb_.
  Expr visible(const Expr& tb, const Expr& i) {
    if (s_.splits > 1) return end_ - position(tb);
    return loopir::param(loopir::Param::position) + first_row_ + i + 1 - position(tb);
  }

  /// The same for a tile of rows, and never beyond the last position: queries of a group lie one behind the other, so a tile may stay within one head.
  Expr visible_by_tile(const Expr& tb, const Expr& tile) {
    const Expr last =
        qb_ % mr_ != 0 ? integer(qb_ - 1) : loopir::binary(BinaryOp::mod, tile, integer(qb_ / mr_)) * mr_ + (mr_ - 1);
    return loopir::min(visible(tb, last), end_ - position(tb));
  }

  /// target[r, c] = (accumulate ? target[r, c] : 0) + sum over k < depth of a[r, k] * b(k, c), in register tiles. What no row
  /// of a tile sees of block `tb` is left out: columns of scores, depth of values.
  Stmt contract(const Expr& tb, const Buffer& target, const Buffer& a,
                const std::function<Expr(const Expr& k, const Expr& c)>& b, std::int64_t columns, std::int64_t depth,
                std::int64_t vectors, bool pairs, bool accumulate) {
    const Var r = loopir::variable("r", rows_);
    const Var c = loopir::variable("c", columns);
    const Var k = loopir::variable("k", depth);
    const Buffer sum = loopir::local_buffer("sum", {rows_, columns});
    const Expr product =
        loopir::fma(loopir::load(a, {use(r), use(k)}), b(use(k), use(c)), loopir::load(sum, {use(r), use(c)}));
    loopir::Nest nest(
        function_,
        loopir::loop(r, integer(rows_),
                     loopir::loop(c, integer(columns),
                                  loopir::loop(k, integer(depth), loopir::store(sum, {use(r), use(c)}, product)))));
    const std::int64_t width = vectors * lanes_;
    const auto [row_tile, ri] = nest.split(r, mr_);
    const auto [column_tile, ci] = nest.split(c, width);
    const auto [cv, cl] = nest.split(ci, lanes_);
    // Lambdas of clang 14 capture no structured binding.
    const Var& rt = row_tile;
    const Var& ct = column_tile;
    Var steps = k;
    Var pair;
    if (pairs) {
      const auto [kk, ki] = nest.split(k, 2);
      steps = kk;
      pair = ki;
    }
    const auto [ko, ku] = nest.split(steps, 4);
    std::vector<Var> order = {ct, rt, ko, ku, ri, cv, cl};
    if (pair) order.push_back(pair);
    nest.reorder(order);
    const Buffer tile = loopir::local_buffer("acc", {mr_, width});
    nest.cache_write(rt, sum, tile, [ri = ri, cv = cv, cl = cl, this](const std::vector<Expr>&) {
      return std::vector<Expr>{use(ri), use(cv) * lanes_ + use(cl)};
    });
    const auto tile_loop = [&](const std::function<Stmt(const Expr& row, const Expr& column)>& body) {
      const Var tr = loopir::variable("tr", mr_);
      return loopir::loop(tr, integer(mr_), for_lanes(width, [&](const Expr& column) { return body(use(tr), column); }),
                          LoopKind::unrolled);
    };
    const auto home = [&](const Expr& row, const Expr& column) {
      return std::vector<Expr>{use(rt) * mr_ + row, use(ct) * width + column};
    };
    nest.compute_at(
        rt, tile_loop([&](const Expr& row, const Expr& column) {
          return loopir::store(tile, {row, column}, accumulate ? loopir::load(target, home(row, column)) : number(0));
        }));
    nest.attach_after(rt, tile_loop([&](const Expr& row, const Expr& column) {
                        return loopir::store(target, home(row, column), loopir::load(tile, {row, column}));
                      }));
    if (pair) nest.tensorize_dot2(pair);
    nest.vectorize(cl);
    for (const Var& v : {ku, ri, cv}) nest.unroll(v);
    const Expr seen = visible_by_tile(tb, use(rt));
    if (accumulate) {
      const std::int64_t step = 4 * (pairs ? 2 : 1);
      nest.limit(ko, loopir::min(ceil_div(seen, step), integer(depth / step)));
    } else {
      nest.guard(rt, loopir::less(use(ct) * width, seen));
    }
    return nest.stmt();
  }

  Stmt scores(const Expr& tb) {
    const Buffer keys = function_.operands[s_.at.w];
    const auto key = [&](const Expr& k, const Expr& c) { return loopir::load(keys, {kv_head_, position(tb) + c, k}); };
    return contract(tb, scores_, query_, key, tb_, s_.head, nv_, s_.dot_scores, false);
  }

  Stmt values(const Expr& tb) {
    const Buffer v = function_.operands[s_.at.w + 1];
    const auto value = [&](const Expr& k, const Expr& c) { return loopir::load(v, {kv_head_, position(tb) + k, c}); };
    return contract(tb, output_, powers_, value, s_.head, tb_, nvo_, s_.dot_values, true);
  }

  Stmt softmax(const Expr& tb) {
    const Var l = loopir::variable("l", lanes_);
    const auto lanes = [&](const std::function<Stmt(const Expr& lane)>& body) {
      return loopir::loop(l, integer(lanes_), body(use(l)), LoopKind::vectorized);
    };
    const auto each = [&](const std::function<Stmt(const Expr& column, const Expr& lane)>& body) {
      const Var v = loopir::variable("v", tb_ / lanes_);
      return loopir::loop(v, integer(tb_ / lanes_),
                          lanes([&](const Expr& lane) { return body(use(v) * lanes_ + lane, lane); }), LoopKind::unrolled);
    };
    const Buffer best = loopir::local_buffer("best", {lanes_});
    const Buffer sums = loopir::local_buffer("sums", {lanes_});
    return for_rows([&](const Expr& row, const Expr&, const Expr& i) {
      const Expr allowed = visible(tb, i);
      const Stmt mask = loopir::branch(
          loopir::less(allowed, integer(tb_)), each([&](const Expr& column, const Expr&) {
            const Expr seen = loopir::less(loopir::unary(UnaryOp::to_f32, column), loopir::unary(UnaryOp::to_f32, allowed));
            return loopir::store(scores_, {row, column},
                                 loopir::select(seen, loopir::load(scores_, {row, column}), number(kMinusInfinity)));
          }));
      const Stmt no_best = lanes([&](const Expr& lane) { return loopir::store(best, {lane}, number(kMinusInfinity)); });
      const Stmt find_best = each([&](const Expr& column, const Expr& lane) {
        return loopir::store(best, {lane}, loopir::max(loopir::load(best, {lane}), loopir::load(scores_, {row, column})));
      });

      const Var now = loopir::variable("now");
      const Expr now_value = loopir::let_ref(now, Scalar::f32);
      const Var shrink = loopir::variable("shrink");
      const auto rescale = [&](const Buffer& buffer, std::int64_t columns) {
        return for_lanes(columns, [&](const Expr& column) {
          return loopir::store(buffer, {row, column},
                               loopir::load(buffer, {row, column}) * loopir::let_ref(shrink, Scalar::f32));
        });
      };
      const Expr factor = loopir::unary(UnaryOp::exp2, loopir::load(reference_, {row}) - now_value);
      const Stmt refer = loopir::branch(loopir::less(loopir::load(reference_, {row}) + number(kSlack), now_value),
                                        loopir::let(shrink, factor,
                                                    loopir::block({rescale(total_, lanes_), rescale(output_, s_.head),
                                                                   loopir::store(reference_, {row}, now_value)})));
      const Stmt update = loopir::let(now, loopir::reduce(BinaryOp::max, l, loopir::load(best, {use(l)})), refer);

      const Var power = loopir::variable("power");
      const Expr power_value = loopir::let_ref(power, Scalar::f32);
      const Stmt exponents = each([&](const Expr& column, const Expr& lane) {
        return loopir::let(
            power, loopir::unary(UnaryOp::exp2, loopir::load(scores_, {row, column}) - loopir::load(reference_, {row})),
            loopir::block({loopir::store(powers_, {row, column}, power_value),
                           loopir::store(sums, {lane}, loopir::load(sums, {lane}) + power_value)}));
      });
      const Stmt old_sums = lanes([&](const Expr& lane) {
        return loopir::store(sums, {lane}, loopir::load(total_, {row, lane}));
      });
      const Stmt new_sums = lanes([&](const Expr& lane) {
        return loopir::store(total_, {row, lane}, loopir::load(sums, {lane}));
      });
      return loopir::block({mask, no_best, find_best, update, old_sums, exponents, new_sums});
    });
  }

  /// Sum of the powers of a row.
  Expr total_of(const Expr& row) {
    const Var l = loopir::variable("l", lanes_);
    return loopir::reduce(BinaryOp::add, l, loopir::load(total_, {row, use(l)}));
  }

  /// Output of a row over `total`, to columns from `first` on.
  Stmt write_row(const Expr& row, const Expr& out_row, const Expr& first, const Expr& total) {
    const Buffer out = function_.operands.back();
    const Var inverse = loopir::variable("inverse");
    return loopir::let(inverse, number(1) / total, for_lanes(s_.head, [&](const Expr& column) {
                         return loopir::store(out, {out_row, first + column},
                                              loopir::load(output_, {row, column}) * loopir::let_ref(inverse, Scalar::f32));
                       }));
  }

  Stmt write_result() {
    return for_rows([&](const Expr& row, const Expr& g, const Expr& i) {
      return write_row(row, first_row_ + i, (kv_head_ * s_.group + g) * s_.head, total_of(row));
    });
  }

  Stmt write_part(const Expr& split) {
    const Buffer out = function_.operands.back();
    return for_rows([&](const Expr& row, const Expr& g, const Expr&) {
      const Var total = loopir::variable("total");
      const Expr total_value = loopir::let_ref(total, Scalar::f32);
      const Expr head = split * s_.heads + kv_head_ * s_.group + g;
      const Expr log_sum = loopir::load(reference_, {row}) + loopir::unary(UnaryOp::log2, total_value);
      return loopir::let(total, loopir::max(total_of(row), number(kLeastTotal)),
                         loopir::block({write_row(row, integer(0), head * s_.head, total_value),
                                        loopir::store(out, {integer(0), head + s_.splits * s_.heads * s_.head}, log_sum)}));
    });
  }

  const Workload& workload_;
  Shape s_;
  std::int64_t lanes_;
  std::int64_t qb_;
  std::int64_t tb_;
  std::int64_t mr_;
  std::int64_t nv_;
  std::int64_t nvo_;
  std::int64_t rows_;
  loopir::Function function_;
  Buffer query_;
  Buffer scores_;
  Buffer powers_;
  Buffer output_;
  Buffer reference_;  ///< of each row: powers are of scores less this; the highest score, or kSlack below it
  Buffer total_;      ///< of each row and lane: sum of powers
  Expr kv_head_;
  Expr first_row_;
  Expr begin_;  ///< first position of the task
  Expr end_;    ///< behind the last position that the last row of the task sees
};

std::string refuse(const Workload& workload, const Isa& isa) {
  if (std::string why = refuse_types(workload); !why.empty()) return why;
  const Shape s = shape_of(workload);
  const graph::TensorType& k = workload.inputs[s.at.w];
  const graph::TensorType& v = workload.inputs[s.at.w + 1];
  const std::int64_t lanes = vector_lanes(isa);
  if (workload.inputs[0].packed()) return "packed queries are not generated";
  if (s.head % (2 * kColumnBlock) != 0) return "heads are no multiple of 32 columns";
  const bool keys_fit = !k.packed() || k.lanes == std::vector<graph::Lane>{{1, 16}} ||
                        (k.lanes == std::vector<graph::Lane>{{1, 16}, {2, 2}} && k.dtype == graph::DType::bf16);
  if (!keys_fit) return "this layout of the keys is not generated";
  const bool values_fit = !v.packed() || (v.lanes == std::vector<graph::Lane>{{1, 2}} && v.dtype == graph::DType::bf16);
  if (!values_fit) return "this layout of the values is not generated";
  if ((s.dot_scores || s.dot_values) && !isa.avx512bf16) return "this CPU has no bf16 dot";
  if (s.head % lanes != 0) return "heads are no multiple of a vector";
  for (const graph::Step& step : workload.op().prologue()) {
    const bool per_head = (step.kind == StepKind::rms && step.group == s.head) ||
                          (step.kind == StepKind::rope && step.group == s.head) ||
                          step.traits().operand == graph::StepOperand::vector;
    if (!per_head) return "the prologue works across heads";
  }
  for (const graph::TensorType& operand : types(workload, s.at.prologue, s.prologue)) {
    if (operand.shape.back() != s.head) return "the prologue works across heads";
  }
  for (const graph::Step& step : workload.op().epilogue()) {
    if (step.kind != StepKind::cast && step.kind != StepKind::pack) return "only a cast or a pack may follow";
  }
  return "";
}

Work work(const Workload& workload, const Isa&) {
  const Shape s = shape_of(workload);
  const auto m = static_cast<double>(s.m);
  const auto past = static_cast<double>(workload.past);
  const double pairs = m * past + m * (m + 1) / 2;
  const double macs = pairs * static_cast<double>(s.heads * s.head);
  Work work;
  (s.dot_scores ? work.bf16_macs : work.f32_macs) += macs;
  (s.dot_values ? work.bf16_macs : work.f32_macs) += macs;
  work.weight_bytes = 2 * operand_bytes(workload.inputs[s.at.w], workload.past);
  work.activation_bytes = operand_bytes(workload.inputs[0], 0) + operand_bytes(workload.output, 0);
  return work;
}

schedule::Space space(const Workload& workload, const Target& target) {
  const Shape s = shape_of(workload);
  const std::int64_t lanes = vector_lanes(target.isa);
  const std::int64_t registers = target.isa.vector_registers();
  schedule::Space space;
  if (s.m > 1) space.knobs.push_back({"qb", {2, 4, 8, 16, 32}});
  space.knobs.push_back({"tb", {16, 32, 64, 128}});
  space.knobs.push_back({"mr", {1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16}});
  space.knobs.push_back({"nv", {1, 2, 4}});
  space.knobs.push_back({"nvo", {1, 2, 4, 8, 16}});
  space.refuse = [s, lanes, registers](const Schedule& schedule) -> std::string {
    // A tile that starts within a split is read whole: it must not reach beyond the capacity of the cache.
    if (s.splits > 1 && graph::kSplitBlock % (schedule.at("nv") * lanes) != 0)
      return "tiles do not divide a block of splits";
    const std::int64_t rows = s.group * (s.m == 1 ? 1 : schedule.at("qb"));
    const std::int64_t mr = schedule.at("mr");
    if (rows % mr != 0) return "tiles do not divide the rows of a task";
    if (schedule.at("tb") % (schedule.at("nv") * lanes) != 0) return "tiles do not divide a block of keys";
    if (s.head % (schedule.at("nvo") * lanes) != 0) return "tiles do not divide a head";
    for (const char* knob : {"nv", "nvo"}) {
      const std::int64_t used = RegisterTile{mr, schedule.at(knob), 2}.registers();
      if (used > registers) return fmt::format("a tile needs {} of {} vector registers", used, registers);
    }
    return "";
  };
  return space;
}

double estimate_seconds(const Workload& workload, const Schedule& schedule, const Target& target) {
  const Shape s = shape_of(workload);
  const Work needed = work(workload, target.isa);
  const double qb = s.m == 1 ? 1 : static_cast<double>(schedule.at("qb"));
  const double blocks = std::ceil(static_cast<double>(s.m) / qb);
  const auto splits = static_cast<double>(s.splits);
  const double tasks = blocks * static_cast<double>(s.kv_heads) * splits;
  const double threads = std::max(1, std::min(workload.threads, target.cores));
  // The thread with most tasks, and the split with most positions, decide.
  const std::int64_t last_piece = workload.past / graph::kSplitBlock;
  const auto pieces = static_cast<double>(last_piece + 1);
  const double longest_split = std::ceil(pieces / splits) * splits / pieces;
  const double imbalance = std::ceil(tasks / threads) * threads / tasks * (s.splits == 1 ? 1 : longest_split);
  const auto seconds = [&](bool dot, std::int64_t vectors) {
    const auto mr = static_cast<double>(schedule.at("mr"));
    const auto nv = static_cast<double>(vectors);
    double efficiency = guesses::kProducts * mr * nv / std::max(mr * nv, (mr + nv) / 2 + (dot ? 0 : nv)) *
                        std::min(1.0, mr * nv / guesses::kMultipliesInFlight);
    if (RegisterTile{schedule.at("mr"), vectors, 2}.spills(target.isa)) efficiency *= kSpilling;
    if (dot && vectors == 1) efficiency *= kBroadcastUsedOnce;
    const double macs = (needed.f32_macs + needed.bf16_macs) / 2;
    return macs / ((dot ? target.bf16_dot : target.f32_fma) * efficiency);
  };
  // Tiles on the diagonal are computed whole.
  const double span = static_cast<double>(workload.past) + static_cast<double>(s.m) / 2;
  const double mr = std::min(static_cast<double>(schedule.at("mr")), qb);
  const auto width = static_cast<double>(schedule.at("nv") * vector_lanes(target.isa));
  const double scores_waste = 1 + (width + mr) / 2 / std::max(span, 1.0);
  const double values_waste = 1 + (8 + mr) / 2 / std::max(span, 1.0);
  const double scores = (needed.f32_macs + needed.bf16_macs) / 2 / static_cast<double>(s.head);
  // Vectors of keys that are put together one by one, once for each tile: half a cycle a key.
  const auto lanes = static_cast<double>(vector_lanes(target.isa));
  const double gathered = s.gathers ? scores * static_cast<double>(s.head) / static_cast<double>(schedule.at("mr")) : 0;
  const double gather = gathered * guesses::kGatherCycles * lanes / target.f32_fma;
  // Each row of each block finds its highest score, and goes through its accumulators.
  const auto tb = static_cast<double>(schedule.at("tb"));
  const double vector_work = scores * (guesses::kScoreOperations + guesses::kRowOperations / tb) / target.f32_fma;
  // Each split prepares the queries and writes a part: some operations a column, and a logarithm and sums a head.
  const double part = s.splits == 1
                          ? 0
                          : splits * static_cast<double>(s.heads) *
                                (guesses::kSplitColumn * static_cast<double>(s.head) + guesses::kSplitHead) / target.f32_fma;
  const double compute = (seconds(s.dot_scores, schedule.at("nv")) * scores_waste +
                          seconds(s.dot_values, schedule.at("nvo")) * values_waste + gather + vector_work + part) /
                         threads;
  const double memory = needed.weight_bytes * std::max(1.0, blocks / guesses::kBlocksAReading) / (target.l3_read * threads);
  return std::max(compute, memory) * imbalance + target.barrier_seconds;
}

Expected<loopir::Function> build(const Workload& workload, const Schedule& schedule, const Isa& isa) {
  if (const std::string why = refuse(workload, isa); !why.empty()) {
    return fail(ErrorKind::unsupported, "no attention kernel: " + why);
  }
  return Builder(workload, schedule, isa).run();
}

}  // namespace

const Family& attention_family() {
  static constexpr Family family{.name = "attention",
                                 .refuse = refuse,
                                 .work = work,
                                 .space = space,
                                 .estimate_seconds = estimate_seconds,
                                 .build = build};
  return family;
}

}  // namespace nntune::kernels
