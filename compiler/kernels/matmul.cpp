/// Matmul and matrix-vector products with packed weights, prologue and epilogue.
///
/// x [m, K] times w [N, K] in panels of nr outputs: f32 or bf16 lanes <0:nr> through f32 FMA, bf16 pairs <0:nr,1:2> through
/// the bf16 dot. x is row-major or packed in tiles <0:mr> or <0:mr,1:2>; m = 1 is the matrix-vector product of decoding.
#include "compiler/kernels/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "compiler/kernels/operands.h"
#include "compiler/kernels/register_tile.h"
#include "compiler/kernels/row_chain.h"
#include "compiler/loopir/affine.h"
#include "compiler/loopir/primitives.h"
#include "compiler/runtime/kernel_abi.h"
#include "compiler/schedule/guesses.h"

namespace nntune::kernels {

using graph::StepKind;
using loopir::Buffer;
using loopir::Expr;
using loopir::integer;
using loopir::LoopKind;
using loopir::Scalar;
using loopir::Stmt;
using loopir::use;
using loopir::Var;
using schedule::Schedule;
using schedule::Workload;

namespace {

/// How the kernel reads x.
enum APack : std::int64_t {
  kDirect = 0,  ///< as it is: no prologue, right dtype
  kRows = 1,    ///< a block of rows computed by the prologue, row-major with padded rows
  kTiles = 2,   ///< the same in tiles of mr rows
};

enum Axis : std::int64_t { kColumns = 0, kRowBlocks = 1 };

/// Elements added to each row of a packed block, so that rows do not fall on the same cache sets.
constexpr std::int64_t kRowPad = 32;
/// What each further panel that a matrix times one row reads at the same time adds to its time. Medians of 1 to 12 panels of 16 to 64
/// columns, interleaved, one and two threads of a Zen 4: +1 to +4 % for two, +2 to +6 % for four, +5 to +19 % for eight.
constexpr double kSideBySide = 0.01;

/// What a matmul workload is made of.
struct Shape {
  std::int64_t m = 1;
  std::int64_t n = 1;  ///< columns of the product, before the epilogue
  std::int64_t k = 1;
  std::int64_t panel = 16;  ///< nr
  bool dot = false;         ///< bf16 pairs
  bool widened = false;     ///< bf16 weights through f32 FMA
  bool x_packed = false;
  std::int64_t x_rows = 0;   ///< mr of a packed x
  std::size_t prologue = 0;  ///< operands
  std::size_t epilogue = 0;
  schedule::OperandMap at;
  bool a_bf16 = false;  ///< x after the prologue

  [[nodiscard]] std::int64_t pair() const { return dot ? 2 : 1; }
  [[nodiscard]] std::int64_t panels() const { return (n + panel - 1) / panel; }
};

bool ends_in_bf16(const graph::Chain& chain, graph::DType start) {
  graph::DType dtype = chain.empty() ? start : graph::DType::f32;
  for (const graph::Step& step : chain) {
    if (step.kind == StepKind::cast) dtype = step.dtype;
  }
  return dtype == graph::DType::bf16;
}

Shape shape_of(const Workload& workload) {
  Shape s;
  s.at = schedule::operand_map(workload.op());
  s.prologue = static_cast<std::size_t>(graph::operands(workload.op().prologue()));
  s.epilogue = static_cast<std::size_t>(graph::operands(workload.op().epilogue()));
  const graph::TensorType& x = workload.inputs[s.at.x];
  const graph::TensorType& w = workload.inputs[s.at.w];
  s.m = x.shape[0];
  s.n = w.shape[0];
  s.k = w.shape[1];
  s.panel = w.lanes_on(0);
  s.dot = w.lanes_on(1) == 2;
  s.widened = w.dtype == graph::DType::bf16 && !s.dot;
  s.x_packed = x.packed();
  s.x_rows = x.lanes_on(0);
  s.a_bf16 = ends_in_bf16(workload.op().prologue(), x.dtype);
  return s;
}

bool has_pairs(const Workload& workload) { return graph::has_step(workload.op().epilogue(), StepKind::swiglu_pairs); }

std::vector<std::int64_t> keep(std::vector<std::int64_t> values, const std::function<bool(std::int64_t)>& good) {
  std::erase_if(values, [&](std::int64_t v) { return !good(v); });
  return values;
}

/// Builds the loop nest of one workload under one schedule.
class Builder {
 public:
  Builder(const Workload& workload, const Schedule& schedule, const Isa& isa)
      : workload_(workload),
        s_(shape_of(workload)),
        lanes_(vector_lanes(isa)),
        mr_(s_.m == 1 ? 1 : (s_.x_packed ? s_.x_rows : schedule.at("mr"))),
        nv_(schedule.at("nv")),
        tile_(nv_ * lanes_),
        super_(std::max(tile_, s_.panel)),
        mb_(s_.m == 1 ? 1 : schedule.at("mb") * mr_),
        ku_(schedule.at("ku")),
        prefetch_(schedule.at("pf")),
        apack_(schedule.at("apack")),
        by_rows_(schedule.at("axis") == kRowBlocks) {}

  loopir::Function run() {
    function_.name = "matmul";
    const std::size_t constant[] = {s_.at.w};
    declare_operands(function_, workload_, constant);
    x_ = function_.operands[s_.at.x];
    w_ = function_.operands[s_.at.w];
    out_ = function_.operands.back();

    // The definition: acc[i, j] += x[i, k] * w[j, k].
    const Expr rows = s_.m == 1 ? integer(1) : loopir::param(loopir::Param::rows);
    const Buffer sum = loopir::local_buffer("sum", {s_.m, s_.n});
    const Buffer a = a_source();
    const Var i = loopir::variable("i", s_.m == 1 ? 1 : -1);
    const Var j = loopir::variable("j", s_.n);
    const Var k = loopir::variable("k", s_.k);
    const Expr product = loopir::fma(loopir::load(a, {use(i), use(k)}), loopir::load(w_, {use(j), use(k)}),
                                     loopir::load(sum, {use(i), use(j)}));
    loopir::Nest nest(
        function_,
        loopir::loop(
            i, rows,
            loopir::loop(j, integer(s_.n), loopir::loop(k, integer(s_.k), loopir::store(sum, {use(i), use(j)}, product)))));

    // Tiling: row blocks for the L2 cache, panels of weights, register tiles, vectors.
    const auto [ib, ii] = nest.split(i, mb_);
    const auto [it, ir] = nest.split(ii, mr_);
    const auto [jp, jj] = nest.split(j, super_);
    const auto [jt, jr] = nest.split(jj, tile_);
    const auto [jv, jl] = nest.split(jr, lanes_);
    std::vector<Var> inner;
    Var steps = k;
    Var pair;
    if (s_.dot) {
      const auto [kk, ki] = nest.split(k, 2);
      steps = kk;
      pair = ki;
    }
    const auto [ko, ku] = nest.split(steps, ku_);
    std::vector<Var> order = {ib, jp, jt, it, ko, ku, ir, jv, jl};
    if (pair) order.push_back(pair);
    nest.reorder(order);
    const Expr block_rows = loopir::min(integer(mb_), rows - use(ib) * mb_);
    if (s_.m > 1) nest.limit(it, ceil_div(block_rows, mr_));

    // Registers: the tile is cleared before the loop over k and consumed behind it.
    const Buffer tile = loopir::local_buffer("acc", {mr_, tile_});
    nest.cache_write(it, sum, tile, [ir = ir, jv = jv, jl = jl, this](const std::vector<Expr>&) {
      return std::vector<Expr>{use(ir), use(jv) * lanes_ + use(jl)};
    });
    const Expr first_row = use(ib) * mb_ + use(it) * mr_;
    const Expr first_column = use(jp) * super_ + use(jt) * tile_;
    nest.compute_at(it, clear(tile));
    nest.attach_after(it, epilogue(tile, first_row, first_column));
    if (apack_ != kDirect) pack_x(nest, ib, block_rows);
    if (pair) nest.tensorize_dot2(pair);
    if (prefetch_ > 0) nest.compute_at(ku, prefetch_panel(first_column, (use(ko) * ku_ + use(ku)) * s_.pair()));
    nest.vectorize(jl);
    for (const Var& v : {ku, ir, jv}) nest.unroll(v);
    nest.parallel(by_rows_ ? ib : jp);
    function_.body = nest.stmt();
    return std::move(function_);
  }

 private:
  /// x as the definition reads it: the operand, or a stand-in that `pack_x` replaces.
  Buffer a_source() {
    if (apack_ == kDirect) return x_;
    loopir::BufferNode after_prologue{.name = "a", .element = a_scalar(), .shape = {s_.m, s_.k}};
    a_ = std::make_shared<const loopir::BufferNode>(std::move(after_prologue));
    return a_;
  }

  [[nodiscard]] Scalar a_scalar() const { return s_.a_bf16 ? Scalar::bf16 : Scalar::f32; }

  Stmt tile_loop(const std::function<Stmt(const Expr& row, const Expr& column)>& body) {
    const Var r = loopir::variable("ir", mr_);
    const Var v = loopir::variable("jv", nv_);
    const Var l = loopir::variable("jl", lanes_);
    const Stmt lane = loopir::loop(l, integer(lanes_), body(use(r), use(v) * lanes_ + use(l)), LoopKind::vectorized);
    return loopir::loop(r, integer(mr_), loopir::loop(v, integer(nv_), lane, LoopKind::unrolled), LoopKind::unrolled);
  }

  Stmt clear(const Buffer& tile) {
    return tile_loop([&](const Expr& row, const Expr& column) {
      return loopir::store(tile, {row, column}, loopir::number(0));
    });
  }

  Stmt epilogue(const Buffer& tile, const Expr& first_row, const Expr& first_column) {
    const bool pairs = has_pairs(workload_);
    const std::int64_t columns = pairs ? tile_ / 2 : tile_;
    const std::optional<Expr> half = loopir::affine_quotient(first_column, 2);
    if (pairs && !half) function_.refuse("tiles split gate/up pairs");
    const Expr first_output = pairs && half ? *half : first_column;
    const std::int64_t outputs = pairs ? s_.n / 2 : s_.n;
    const bool masked = s_.n % super_ != 0;
    const RowChain::Read mask =
        masked ? RowChain::Read([outputs](const Expr& c) { return loopir::less(c, integer(outputs)); }) : nullptr;
    const Var r = loopir::variable("ir", mr_);
    const Expr row = first_row + use(r);
    RowChain chain(
        function_, lanes_, row, s_.n, 0,
        [&](const Expr& column) {
          loopir::Affine local = loopir::affine(column);
          local.add(loopir::affine(first_column), -1);
          return loopir::load(tile, {use(r), local.to_expr()});
        },
        mask);
    chain.apply(workload_.op().epilogue(), buffers(function_, s_.at.epilogue, s_.epilogue));
    const std::int64_t block = std::gcd(columns, std::int64_t{kColumnBlock});
    const std::int64_t lanes = std::min<std::int64_t>(lanes_, block);
    const Var p = loopir::variable("p", columns / block);
    const Var q = loopir::variable("q", block / lanes);
    const Var l = loopir::variable("l", lanes);
    const Expr column = first_output + (use(p) * block + use(q) * lanes + use(l));
    Stmt body = loopir::store(out_, {row, column}, chain.at(column), masked ? mask(column) : nullptr);
    body = loopir::loop(l, integer(lanes), body, LoopKind::vectorized);
    body = loopir::loop(q, integer(block / lanes), body, LoopKind::unrolled);
    body = loopir::loop(p, integer(columns / block), body, LoopKind::unrolled);
    return loopir::loop(r, integer(mr_), body, LoopKind::unrolled);
  }

  /// Touches the lines of the weights that are read `prefetch_` steps of k later; panels lie behind each other, so the
  /// last steps of a panel prefetch the next one.
  Stmt prefetch_panel(const Expr& first_column, const Expr& k) {
    const Var v = loopir::variable("jv", nv_);
    const std::int64_t row_bytes = static_cast<std::int64_t>(loopir::size_bytes(w_->element)) * s_.pair() * lanes_;
    const std::int64_t each = std::max<std::int64_t>(1, 64 / row_bytes);
    const Stmt touch = loopir::prefetch(w_, {first_column + use(v) * (lanes_ * each), k + prefetch_ * s_.pair()});
    return loopir::loop(v, integer(std::max<std::int64_t>(1, nv_ / each)), touch, LoopKind::unrolled);
  }

  void pack_x(loopir::Nest& nest, const Var& ib, const Expr& block_rows) {
    const bool tiles = apack_ == kTiles && mr_ > 1;
    std::vector<graph::Lane> lanes;
    if (tiles) lanes.push_back({0, static_cast<int>(mr_)});
    if (tiles && s_.dot) lanes.push_back({1, 2});
    const std::int64_t stride = tiles ? 0 : s_.k + (s_.m == 1 ? 0 : kRowPad);
    const Buffer packed = function_.add_scratch("block", a_scalar(), {mb_, s_.k}, lanes, stride);
    const Var r = loopir::variable("r", mb_);
    const Expr row = use(ib) * mb_ + use(r);
    const auto extra = types(workload_, s_.at.prologue, s_.prologue);
    const std::int64_t columns = workload_.inputs[s_.at.x].shape[1];
    const std::int64_t group = smallest_group(workload_.op().prologue(), columns, extra);
    RowChain chain(function_, lanes_, row, columns, group, [&](const Expr& column) {
      return loopir::load(x_, {row, column});
    });
    chain.apply(workload_.op().prologue(), buffers(function_, s_.at.prologue, s_.prologue));
    std::vector<Stmt> stmts = chain.preparation();
    stmts.push_back(for_columns(function_, chain.columns(), group, lanes_, 2, [&](const Expr& column) {
      return loopir::store(packed, {use(r), column}, chain.at(column));
    }));
    const Stmt producer = loopir::loop(r, s_.m == 1 ? integer(1) : block_rows, loopir::block(std::move(stmts)));
    nest.pack(ib, a_, packed, {use(ib) * mb_, integer(0)}, producer);
  }

  const Workload& workload_;
  Shape s_;
  std::int64_t lanes_;
  std::int64_t mr_;
  std::int64_t nv_;
  std::int64_t tile_;
  std::int64_t super_;
  std::int64_t mb_;
  std::int64_t ku_;
  std::int64_t prefetch_;
  std::int64_t apack_;
  bool by_rows_;
  loopir::Function function_;
  Buffer x_;
  Buffer w_;
  Buffer a_;
  Buffer out_;
};

std::string refuse(const Workload& workload, const Isa& isa) {
  const Shape s = shape_of(workload);
  const graph::TensorType& x = workload.inputs[s.at.x];
  const graph::TensorType& w = workload.inputs[s.at.w];
  const int lanes = vector_lanes(isa);
  if (std::string why = refuse_types(workload); !why.empty()) return why;
  if (!w.packed()) return "weights are not packed";
  if (w.lanes[0].axis != 0 || w.lanes.size() > 2 || (w.lanes.size() == 2 && w.lanes[1] != graph::Lane{1, 2})) {
    return "weights are not in panels of outputs";
  }
  if (s.panel % lanes != 0) return fmt::format("panels of {} are no multiple of {} lanes", s.panel, lanes);
  if (s.dot && w.dtype != graph::DType::bf16) return "pairs are for bf16 weights";
  if (s.dot && !isa.avx512bf16) return "this CPU has no bf16 dot";
  if (s.k % 2 != 0) return "an odd inner dimension is not generated";
  if (s.dot != s.a_bf16) return s.dot ? "the bf16 dot needs bf16 activations" : "f32 FMA needs f32 activations";
  if (s.x_packed) {
    if (!workload.op().prologue().empty()) return "packed activations take no prologue";
    if (x.lanes[0].axis != 0 ||
        (s.dot ? x.lanes != std::vector<graph::Lane>{{0, static_cast<int>(s.x_rows)}, {1, 2}} : x.lanes.size() != 1)) {
      return "activations are not in tiles of rows";
    }
    if (s.x_rows > runtime::kRowPadding || s.m == 1) return "tiles of activations do not fit the rows";
  }
  const auto prologue = types(workload, s.at.prologue, s.prologue);
  if (std::string why = refuse_grouped_chain(workload.op().prologue(), x.shape[1], prologue); !why.empty()) return why;
  if (std::string why = refuse_chain(workload.op().epilogue()); !why.empty()) return why;
  for (const graph::Step& step : workload.op().epilogue()) {
    if (step.traits().reach > graph::StepReach::block) {
      return "an epilogue sees one tile, not a row";
    }
    if (step.kind == StepKind::swiglu_pairs && s.n % s.panel != 0) return "gate/up pairs need whole panels";
    if (step.kind == StepKind::swiglu_pairs && s.panel % (2 * step.group) != 0)
      return "gate/up pairs are split by the panels";
  }
  if (workload.output.packed() && s.n % s.panel != 0) return "a packed result needs whole panels";
  return "";
}

Work work(const Workload& workload, const Isa&) {
  const Shape s = shape_of(workload);
  const double macs = static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k);
  Work work;
  (s.dot ? work.bf16_macs : work.f32_macs) = macs;
  work.weight_bytes = static_cast<double>(workload.inputs[s.at.w].storage_bytes());
  for (std::size_t i = 0; i < workload.inputs.size(); ++i) {
    if (i != s.at.w) work.activation_bytes += operand_bytes(workload.inputs[i], workload.past);
  }
  work.activation_bytes += operand_bytes(workload.output, workload.past);
  return work;
}

schedule::Space space(const Workload& workload, const Target& target) {
  const Shape s = shape_of(workload);
  const std::int64_t lanes = vector_lanes(target.isa);
  const std::int64_t registers = target.isa.vector_registers();
  const bool single = s.m == 1;
  const bool pairs = has_pairs(workload);
  const std::int64_t steps = s.k / s.pair();
  schedule::Space space;
  if (!single && !s.x_packed) space.knobs.push_back({"mr", {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28}});
  space.knobs.push_back({"nv", keep({1, 2, 3, 4, 6, 8, 12, 16}, [&](std::int64_t nv) {
                           const std::int64_t tile = nv * lanes;
                           if (pairs && tile % (2 * kColumnBlock) != 0) return false;
                           if (tile <= s.panel) return s.panel % tile == 0;
                           return single && tile % s.panel == 0 && s.panels() % (tile / s.panel) == 0;
                         })});
  if (!single) space.knobs.push_back({"mb", {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128}});
  space.knobs.push_back({"ku", keep({1, 2, 4, 8, 16}, [&](std::int64_t ku) { return steps % ku == 0; })});
  space.knobs.push_back({"pf", {0, 4, 8, 16, 32, 64}});
  std::vector<std::int64_t> apack = {kDirect};
  if (!s.x_packed) {
    const bool direct = workload.op().prologue().empty();
    apack = single ? std::vector<std::int64_t>{direct ? kDirect : kRows}
                   : (direct ? std::vector<std::int64_t>{kDirect, kRows, kTiles} : std::vector<std::int64_t>{kRows, kTiles});
  }
  space.knobs.push_back({"apack", apack});
  space.knobs.push_back(
      {"axis", single ? std::vector<std::int64_t>{kColumns} : std::vector<std::int64_t>{kColumns, kRowBlocks}});
  space.refuse = [s, single, registers](const Schedule& schedule) -> std::string {
    const std::int64_t mr = single ? 1 : (s.x_packed ? s.x_rows : schedule.at("mr"));
    const std::int64_t nv = schedule.at("nv");
    const std::int64_t used = RegisterTile{mr, nv, s.widened ? 2 : 1}.registers();
    if (used > registers) return fmt::format("a {}x{} tile needs {} of {} vector registers", mr, nv, used, registers);
    if (mr * nv * schedule.at("ku") > 512) return "the unrolled body does not fit the instruction cache";
    if (single) return "";
    const std::int64_t mb = schedule.at("mb") * mr;
    if (mb > s.m + mr - 1 && schedule.at("mb") > 1) return "row blocks beyond the rows";
    if (schedule.at("axis") == kRowBlocks && mb >= s.m && s.m > mr) return "one row block leaves other threads idle";
    return "";
  };
  return space;
}

double estimate_seconds(const Workload& workload, const Schedule& schedule, const Target& target) {
  const Shape s = shape_of(workload);
  const Work needed = work(workload, target.isa);
  const double threads = std::max(1, std::min(workload.threads, target.cores));
  const bool single = s.m == 1;
  const double mr = single ? 1 : static_cast<double>(s.x_packed ? s.x_rows : schedule.at("mr"));
  const auto nv = static_cast<double>(schedule.at("nv"));
  const auto rows = static_cast<double>(s.m);
  const double mb = single ? 1 : static_cast<double>(schedule.at("mb")) * mr;
  const double peak = s.dot ? target.bf16_dot : target.f32_fma;

  // Issue slots of one step: multiply-adds, loads of weights and broadcasts (folded into the multiply-add), widening.
  const double multiplies = mr * nv;
  const double loads = (nv + mr) / 2;
  const double widening = s.widened ? nv * 2 : 0;
  double efficiency = multiplies / std::max(multiplies + widening / 2, loads);
  efficiency *= std::min(1.0, multiplies / guesses::kMultipliesInFlight);  // latency of the multiply-add
  const RegisterTile tile{static_cast<std::int64_t>(mr), static_cast<std::int64_t>(nv), s.widened ? 2 : 1};
  if (tile.spills(target.isa)) efficiency *= kSpilling;
  efficiency *= schedule.at("ku") >= 4   ? guesses::kUnrolledFour
                : schedule.at("ku") >= 2 ? guesses::kUnrolledTwo
                                         : guesses::kNotUnrolled;
  const double blocks = std::ceil(rows / mb);
  const double last = rows - (blocks - 1) * mb;
  const double computed = (blocks - 1) * mb + std::ceil(last / mr) * mr;
  const bool by_rows = schedule.at("axis") == kRowBlocks;
  const double super = std::max(nv * vector_lanes(target.isa), static_cast<double>(s.panel));
  const double parts = by_rows ? blocks : std::ceil(static_cast<double>(s.n) / super);
  const double imbalance = std::ceil(parts / threads) * threads / parts;
  const double element = s.a_bf16 ? 2 : 4;
  const double block_bytes = mb * static_cast<double>(s.k) * element;
  const double panel_bytes =
      super * static_cast<double>(s.k) * (workload.inputs[s.at.w].dtype == graph::DType::bf16 ? 2 : 4);
  if (!single && block_bytes + panel_bytes > guesses::kL2Share * static_cast<double>(target.l2_bytes))
    efficiency *= guesses::kBeyondL2;
  if (!single && schedule.at("apack") == kDirect && !s.x_packed) efficiency *= guesses::kAliasedRows;  // rows alias in L1
  if (schedule.at("apack") == kRows && !single) efficiency *= guesses::kCopiedRows;
  const double macs = (needed.f32_macs + needed.bf16_macs) * computed / rows;
  const double compute = macs / (peak * efficiency * threads) * imbalance;

  const double once = needed.weight_bytes;
  const double bandwidth = threads > 1 ? target.dram_read_all_cores : target.dram_read;
  const double again = (blocks - 1) * once / (target.l3_read * threads);
  double memory = once / bandwidth * imbalance + again;
  if (single) {
    const auto panel = static_cast<double>(s.panel);
    const double width = nv * vector_lanes(target.isa);
    // A tile narrower than its panel leaves half of each line behind and comes back for it.
    memory *= panel / std::min(panel, width);
    // Panels side by side are streams of their own, at distances that share sets of the caches.
    memory *= 1 + kSideBySide * (std::max(width / panel, 1.0) - 1);
    // One stream is prefetched by the hardware; far ahead of it lies what is not needed yet.
    memory *= schedule.at("pf") == 0 ? 1.0 : (schedule.at("pf") <= 32 ? guesses::kPrefetchNear : guesses::kPrefetchFar);
  }
  const double packed_elements =
      schedule.at("apack") == kDirect ? 0 : rows * static_cast<double>(s.k) / (by_rows ? threads : 1);
  const double packing = packed_elements * (schedule.at("apack") == kTiles ? guesses::kPackSeconds : guesses::kCopySeconds);
  // One row waits for memory and computes meanwhile.
  const double hidden = single ? guesses::kNotHiddenOneRow : guesses::kNotHidden;
  return std::max(compute, memory) + hidden * std::min(compute, memory) + packing + target.barrier_seconds;
}

Expected<loopir::Function> build(const Workload& workload, const Schedule& schedule, const Isa& isa) {
  if (const std::string why = refuse(workload, isa); !why.empty())
    return fail(ErrorKind::unsupported, "no matmul kernel: " + why);
  return Builder(workload, schedule, isa).run();
}

}  // namespace

const Family& matmul_family() {
  static constexpr Family family{.name = "matmul",
                                 .refuse = refuse,
                                 .work = work,
                                 .space = space,
                                 .estimate_seconds = estimate_seconds,
                                 .build = build};
  return family;
}

}  // namespace nntune::kernels
