#include "tests/compiler/rules/random_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "compiler/graph/state.h"

namespace nntune::testing_models {

using graph::DType;
using graph::kRunTime;
using graph::Lane;
using graph::NodeId;
using graph::Op;
using graph::OpKind;
using graph::Step;
using graph::StepKind;
using graph::TensorType;

namespace {

constexpr std::array<std::int64_t, 5> kRows = {1, 2, 3, 5, 8};
constexpr std::int64_t kMostRotatedRows = 12;  // tables of positions are short in the tests
constexpr std::array<std::int64_t, 10> kColumns = {4, 6, 7, 8, 12, 16, 20, 24, 32, 33};

std::vector<std::vector<Lane>> lanes_to_try() {
  return {{{0, 4}}, {{0, 6}}, {{0, 8}}, {{0, 16}}, {{0, 4}, {1, 2}}, {{0, 16}, {1, 2}}, {{1, 8}}, {{0, 4}, {1, 4}}};
}

bool is_matrix(const TensorType& type) { return type.rank() == 2 && type.shape[0] != kRunTime && type.dtype != DType::i32; }

}  // namespace

RandomGraph::RandomGraph(std::uint64_t seed) : random_(seed) { rows_ = one_of(kRows); }

std::int64_t RandomGraph::divisor_of(std::int64_t size, std::int64_t multiple) {
  std::vector<std::int64_t> divisors;
  for (std::int64_t d = multiple; d <= size; d += multiple) {
    if (size % d == 0) divisors.push_back(d);
  }
  return divisors.empty() ? 0 : one_of(divisors);
}

std::optional<NodeId> RandomGraph::add(Op op, std::vector<NodeId> inputs) {
  bool constant = op.kind() != OpKind::input && op.kind() != OpKind::state;
  for (const NodeId id : inputs) constant = constant && constant_[static_cast<std::size_t>(id)];
  const auto id = graph_.add(std::move(op), std::move(inputs));
  if (!id) return std::nullopt;
  constant_.push_back(constant);
  return *id;
}

std::optional<NodeId> RandomGraph::choose(bool constant, const Wanted& wanted,
                                          const std::function<std::optional<NodeId>()>& make) {
  std::vector<NodeId> found;
  for (std::size_t i = 0; i < graph_.nodes().size(); ++i) {
    if (constant_[i] == constant && wanted(graph_.nodes()[i].type)) found.push_back(static_cast<NodeId>(i));
  }
  if (found.empty() || chance(25)) return make();
  return chance(50) ? found.back() : one_of(found);
}

std::optional<NodeId> RandomGraph::input(TensorType type) {
  return add(graph::input(fmt::format("i{}", graph_.nodes().size()), std::move(type)));
}

std::optional<NodeId> RandomGraph::weight(TensorType type) {
  return add(graph::weight(fmt::format("w{}", graph_.nodes().size()), std::move(type)));
}

std::optional<NodeId> RandomGraph::activation() {
  if (chance(4)) return input({DType::i8, {rows_, one_of(kColumns)}, {}});
  return choose(false, is_matrix, [&] {
    return input({chance(85) ? DType::f32 : DType::bf16, {rows_, one_of(kColumns)}, {}});
  });
}

std::optional<NodeId> RandomGraph::activation_like(const TensorType& like) {
  const auto fits = [&](const TensorType& type) {
    return is_matrix(type) && type.shape == like.shape && type.lanes == like.lanes;
  };
  return choose(chance(15), fits, [&] { return input({DType::f32, like.shape, like.lanes}); });
}

std::optional<NodeId> RandomGraph::matrix(std::int64_t columns) {
  const auto fits = [&](const TensorType& type) { return is_matrix(type) && type.shape[1] == columns; };
  return choose(true, fits, [&] {
    if (chance(15)) return weight({DType::i8, {one_of(kColumns), columns}, {}, divisor_of(columns)});
    return weight({float_type(), {one_of(kColumns), columns}, {}});
  });
}

graph::Chain RandomGraph::chain(TensorType type, int most, std::vector<NodeId>& operands) {
  graph::Chain result;
  const auto lanes = type.lanes;
  const std::int64_t length = below(most + 1);
  while (std::ssize(result) < length) {
    const std::int64_t columns = type.shape[1];
    Step step{.kind = static_cast<StepKind>(below(std::ssize(graph::kSteps)))};
    std::optional<NodeId> operand;
    switch (step.kind) {
      case StepKind::rms:
        step.eps = chance(50) ? 1e-6 : 0.01;
        step.group = chance(50) ? 0 : divisor_of(columns);
        break;
      case StepKind::scale:
      case StepKind::bias: {
        const auto fits = [&](const TensorType& t) {
          return t.rank() == 1 && t.dtype == DType::f32 && columns % t.shape[0] == 0;
        };
        operand = choose(true, fits, [&] { return weight({DType::f32, {divisor_of(columns)}, {}}); });
        break;
      }
      case StepKind::add:
      case StepKind::swiglu: operand = activation_like(type); break;
      case StepKind::swiglu_pairs: step.group = columns % 2 == 0 ? divisor_of(columns / 2) : 0; break;
      case StepKind::rope: {
        step.group = type.shape[0] <= kMostRotatedRows ? divisor_of(columns, 2) : 0;
        const TensorType table{DType::f32, {kRunTime, step.group}, {}};
        if (step.group > 0)
          operand = choose(
              false, [&](const TensorType& t) { return t == table; }, [&] { return input(table); });
        break;
      }
      case StepKind::cast: step.dtype = chance(80) ? DType::bf16 : DType::f32; break;
      case StepKind::quantise: step.group = type.block != 0 ? type.block : divisor_of(columns); break;
      case StepKind::pack: step.lanes = one_of(lanes_to_try()); break;
      case StepKind::swiglu_split:
      case StepKind::softmax: break;
    }
    std::vector<TensorType> extra;
    if (operand) extra.push_back(this->type(*operand));
    const auto next = graph::infer_chain({step}, type, extra);
    if (!next) continue;
    type = *next;
    result.push_back(std::move(step));
    if (operand) operands.push_back(*operand);
    if (type.lanes != lanes) break;  // a pack is the last step
  }
  return result;
}

void RandomGraph::add_constant() {
  const auto w = matrix(one_of(kColumns));
  if (!w) return;
  const TensorType of = type(*w);
  switch (below(9)) {
    case 6:
    case 7: turn(*w); break;
    case 8: {
      const auto like = [&](const TensorType& t) { return t.shape == of.shape && is_matrix(t) && !t.packed(); };
      if (const auto second = choose(true, like, [&] { return weight(of); })) {
        add(graph::rowwise({{.kind = StepKind::add}}), {*w, *second});
      }
      break;
    }
    case 0:
    case 1: {
      std::vector<NodeId> parts = {*w};
      for (std::int64_t more = 1 + below(2); more > 0; --more) {
        const auto fits = [&](const TensorType& t) {
          return is_matrix(t) && t.shape[1] == of.shape[1] && t.dtype == of.dtype && t.block == of.block;
        };
        if (const auto part = choose(true, fits, [&] {
              return weight({of.dtype, {one_of(kColumns), of.shape[1]}, {}, of.block});
            }))
          parts.push_back(*part);
      }
      add(graph::Concat{}, std::move(parts));
      break;
    }
    case 2: {
      const auto fits = [&](const TensorType& t) { return t == of; };
      if (const auto second = choose(true, fits, [&] { return weight(of); })) {
        const auto both = add(graph::Interleave{.group = divisor_of(of.shape[0])}, {*w, *second});
        const auto scale = weight({DType::f32, {divisor_of(of.shape[1])}, {}});
        if (both && chance(40)) add(graph::rowwise({{.kind = StepKind::scale}}), {*both, *scale});
      }
      break;
    }
    case 3: add_neighbours(*w); break;
    case 4: add(graph::Pack{.lanes = one_of(lanes_to_try())}, {*w}); break;
    default: {
      std::vector<NodeId> operands = {*w};
      const auto fits = [&](const TensorType& t) {
        return t.rank() == 1 && t.dtype == DType::f32 && of.shape[1] % t.shape[0] == 0;
      };
      const auto scale = choose(true, fits, [&] { return weight({DType::f32, {divisor_of(of.shape[1])}, {}}); });
      if (!scale) return;
      graph::Chain steps = {{.kind = StepKind::scale}};
      if (of.dtype == DType::bf16) steps.push_back({.kind = StepKind::cast, .dtype = DType::bf16});
      add(graph::rowwise(std::move(steps)), {*w, *scale});
    }
  }
}

void RandomGraph::add_rowwise() {
  const auto x = activation();
  if (!x) return;
  std::vector<NodeId> operands = {*x};
  graph::Chain steps = chain(type(*x), 3, operands);
  add(graph::rowwise(std::move(steps)), std::move(operands));
}

void RandomGraph::add_matmul() {
  const auto x = activation();
  if (!x) return;
  std::vector<NodeId> operands = {*x};
  graph::Matmul op;
  TensorType left = type(*x);
  if (chance(30)) {
    op.prologue = chain(left, 2, operands);
    std::vector<TensorType> extra;
    for (std::size_t i = 1; i < operands.size(); ++i) extra.push_back(type(operands[i]));
    left = *graph::infer_chain(op.prologue, left, extra);
  }
  std::optional<NodeId> w = chance(95) ? matrix(left.shape[1]) : activation_like(left);
  if (left.dtype == DType::i8) w = weight({DType::i8, {one_of(kColumns), left.shape[1]}, {}, left.block});
  if (!w) return;
  operands.push_back(*w);
  if (chance(30)) op.epilogue = chain({DType::f32, {left.shape[0], type(*w).shape[0]}, {}}, 2, operands);
  add(std::move(op), std::move(operands));
}

/// Two or three matmuls of one input, and something that joins them.
void RandomGraph::add_gated() {
  const auto x = activation();
  if (!x || type(*x).packed()) return;
  const std::int64_t columns = type(*x).shape[1];
  const TensorType w{float_type(), {one_of(kColumns), columns}, {}};
  const auto fits = [&](const TensorType& t) { return t == w; };
  std::vector<NodeId> products;
  const bool biased = chance(25);
  for (std::int64_t count = 2 + below(2); count > 0; --count) {
    const auto each = choose(true, fits, [&] { return weight(w); });
    const auto product = each ? add(graph::matmul(), {*x, *each}) : std::nullopt;
    if (!product) continue;
    const auto bias = biased ? weight({DType::f32, {w.shape[0]}, {}}) : std::nullopt;
    products.push_back(bias ? *add(graph::rowwise({{.kind = StepKind::bias}}), {*product, *bias}) : *product);
  }
  if (products.size() < 2) return;
  const auto gated =
      add(graph::rowwise({{.kind = chance(60) ? StepKind::swiglu : StepKind::add}}), {products[0], products[1]});
  if (gated && products.size() > 2) add(graph::rowwise({{.kind = StepKind::add}}), {products[2], *gated});
}

void RandomGraph::add_attention() {
  const std::int64_t kv_heads = 1 + below(2);
  const std::int64_t heads = kv_heads * (1 + below(2));
  const std::int64_t d = 2 * (1 + below(5));
  const TensorType cache{chance(70) ? DType::f32 : DType::bf16, {kv_heads, kRunTime, d}, {}};
  const auto is_cache = [&](const TensorType& t) { return t == cache; };
  const auto q = input({DType::f32, {rows_, heads * d}, {}});
  std::vector<NodeId> operands = {*q};
  graph::Attention op{.heads = heads, .kv_heads = kv_heads, .scale = 0.25};
  const auto rotated = [&](std::vector<NodeId>& to) {
    graph::Chain steps;
    if (chance(70)) {
      const TensorType table{DType::f32, {kRunTime, d}, {}};
      to.push_back(*choose(
          false, [&](const TensorType& t) { return t == table; }, [&] { return input(table); }));
      steps.push_back({.kind = StepKind::rope, .group = d});
    }
    return steps;
  };
  if (chance(50)) {
    op.prologue = rotated(operands);
  } else if (graph::Chain steps = rotated(operands); !steps.empty()) {
    operands = {*add(graph::rowwise(std::move(steps)), operands)};
  }
  for (int i = 0; i < 2; ++i) {
    auto chosen = choose(false, is_cache, [&] { return chance(70) ? add(graph::state(states_++, cache)) : input(cache); });
    if (chance(60)) {
      const auto x = choose(
          false,
          [&](const TensorType& t) {
            return is_matrix(t) && t.shape == std::vector<std::int64_t>{rows_, kv_heads * d};
          },
          [&] {
            return input({DType::f32, {rows_, kv_heads * d}, {}});
          });
      std::vector<NodeId> appended = {*x};
      graph::Chain steps = rotated(appended);
      appended.push_back(*chosen);
      chosen = add(graph::CacheAppend{.chain = std::move(steps)}, std::move(appended));
    }
    if (!chosen) return;
    operands.push_back(*chosen);
  }
  if (chance(30)) op.epilogue = {{.kind = StepKind::cast, .dtype = DType::bf16}};
  add(std::move(op), std::move(operands));
}

/// Rows of a matrix in one or two pieces, sometimes put together again.
void RandomGraph::add_neighbours(NodeId w) {
  const std::int64_t rows = type(w).shape[0];
  if (type(w).packed() || rows < 2 || chance(30)) return add_slice(w);
  const std::int64_t cut = 1 + below(rows - 1);
  const auto first = add(graph::Slice{.begin = below(cut), .end = cut, .axis = 0}, {w});
  const auto second = add(graph::Slice{.begin = cut, .end = rows, .axis = 0}, {w});
  if (chance(50)) return;
  std::vector<NodeId> parts = {*first, *second};
  if (chance(50)) parts.insert(parts.begin() + below(3), w);
  add(graph::Concat{}, std::move(parts));
}

/// Slices of what is computed, neighbours among them, and their sums.
void RandomGraph::add_cut() {
  const auto x = activation();
  if (!x || type(*x).packed() || type(*x).block != 0 || type(*x).shape[1] < 2) return;
  const std::int64_t columns = type(*x).shape[1];
  const std::int64_t cut = columns % 2 == 0 && chance(50) ? columns / 2 : 1 + below(columns - 1);
  if (chance(30)) return add_slice(*x);
  if (chance(30)) {
    const auto y = activation_like(type(*x));
    const auto a = add(graph::Slice{.begin = 0, .end = cut}, {*x});
    const auto b = add(graph::Slice{.begin = 0, .end = cut}, {*y});
    if (a && b) add(graph::rowwise({{.kind = StepKind::add}}), {*a, *b});
    return;
  }
  const auto left = add(graph::Slice{.begin = 0, .end = cut}, {*x});
  const auto right = add(graph::Slice{.begin = cut, .end = columns}, {*x});
  if (2 * cut == columns && chance(50)) {
    add(graph::rowwise({{.kind = chance(50) ? StepKind::swiglu : StepKind::add}}), {*left, *right});
  }
}

void RandomGraph::add_packed() {
  const auto x = activation();
  if (!x) return;
  if (type(*x).packed()) {
    const auto plain = add(graph::Unpack{}, {*x});
    const std::vector<Lane> lanes = chance(60) ? type(*x).lanes : one_of(lanes_to_try());
    const bool step = chance(50);
    add(step ? graph::rowwise({{.kind = StepKind::pack, .lanes = lanes}}) : Op(graph::Pack{.lanes = lanes}), {*plain});
    return;
  }
  const auto packed = add(graph::Pack{.lanes = one_of(lanes_to_try())}, {*x});
  if (!packed || chance(30)) return;
  if (chance(30)) return turn(*packed);
  const auto plain = add(graph::Unpack{}, {*packed});
  if (chance(50)) return;
  // Work between an unpack and a pack, and between two unpacks.
  std::vector<NodeId> operands = {*plain};
  graph::Chain steps = chain(type(*plain), 2, operands);
  if (steps.empty() || steps.back().kind != StepKind::pack)
    steps.push_back({.kind = StepKind::pack, .lanes = type(*packed).lanes});
  if (chance(50)) add(graph::rowwise(std::move(steps)), std::move(operands));
  if (chance(50)) add(graph::rowwise({{.kind = chance(50) ? StepKind::add : StepKind::swiglu}}), {*plain, *plain});
}

/// A transposed or a reshaped matrix, or both, or back again.
void RandomGraph::turn(NodeId x) {
  if (type(x).packed() && type(x).lanes[0].axis == 1 && chance(50)) {
    const std::int64_t columns = type(x).lanes_on(1) * divisor_of(type(x).shape[1] / type(x).lanes_on(1));
    const auto flat =
        columns == 0 ? std::nullopt : add(graph::Reshape{.shape = {type(x).elements() / columns, columns}}, {x});
    if (flat && chance(60)) add(graph::Unpack{}, {*flat});
    return;
  }
  std::optional<NodeId> turned = x;
  for (std::int64_t more = 1 + below(2); more > 0 && turned; --more) {
    const TensorType of = type(*turned);
    if (chance(60)) {
      turned = add(graph::Transpose{}, {*turned});
    } else if (of.rank() == 2) {
      const std::int64_t columns = divisor_of(of.elements());
      std::vector<std::int64_t> shape = {of.elements() / columns, columns};
      if (chance(20)) shape = of.shape;
      turned = add(graph::Reshape{.shape = std::move(shape)}, {*turned});
    }
  }
  if (!turned) return;
  if (type(*turned).packed()) {
    if (chance(60)) add(graph::Unpack{}, {*turned});
  } else if (chance(30)) {
    const std::vector<Lane> lanes = chance(50) ? std::vector<Lane>{{1, 2}} : one_of(lanes_to_try());
    add(chance(50) ? graph::rowwise({{.kind = StepKind::pack, .lanes = lanes}}) : Op(graph::Pack{.lanes = lanes}),
        {*turned});
  } else if (chance(30)) {
    add_slice(*turned);
  }
}

/// Some rows or columns.
void RandomGraph::add_slice(NodeId x) {
  const int axis = chance(50) ? 0 : 1;
  const std::int64_t size = type(x).shape[static_cast<std::size_t>(axis)];
  const std::int64_t begin = chance(30) ? 0 : below(size);
  const std::int64_t end = chance(30) ? size : begin + 1 + below(size - begin);
  add(graph::Slice{.begin = begin, .end = end, .axis = axis}, {x});
}

/// Stacked activations of equal width, and a sum of two such stacks.
void RandomGraph::add_stack() {
  const auto x = activation();
  if (!x || type(*x).packed()) return;
  const TensorType of = type(*x);
  const auto fits = [&](const TensorType& t) { return t == of; };
  const auto part = [&] { return choose(false, fits, [&] { return input(of); }); };
  const auto first = add(graph::Concat{}, chance(20) ? std::vector<NodeId>{*x} : std::vector<NodeId>{*x, *part()});
  if (!first) return;
  if (chance(50)) {
    const auto second = add(graph::Concat{}, {*part(), *part()});
    add(graph::rowwise({{.kind = StepKind::add}}), {*first, *second});
  } else {
    add_slice(*first);
  }
}

void RandomGraph::add_shape() {
  switch (below(5)) {
    case 3: add_stack(); break;
    case 4: {
      const auto x = activation();
      if (x) turn(*x);
      break;
    }
    case 0: {
      const auto table = weight({float_type(), {8 + below(30), one_of(kColumns)}, {}});
      if (!ids_) ids_ = input({DType::i32, {rows_}, {}});  // not a result of argmax: that may be beyond the table
      if (table && ids_) add(graph::Embed{}, {*ids_, *table});
      break;
    }
    case 1: {
      const auto x = activation();
      if (x) add(graph::Argmax{}, {*x});
      break;
    }
    default: add_rowwise();
  }
}

graph::Graph RandomGraph::make(int steps) {
  for (int i = 0; i < steps; ++i) {
    switch (below(12)) {
      case 0:
      case 1: add_constant(); break;
      case 2:
      case 3: add_rowwise(); break;
      case 4:
      case 5:
      case 6: add_matmul(); break;
      case 7: add_gated(); break;
      case 8: add_attention(); break;
      case 9: add_cut(); break;
      case 10: add_packed(); break;
      default: add_shape();
    }
  }
  return std::move(graph_);
}

}  // namespace nntune::testing_models
