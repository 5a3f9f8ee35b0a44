#include "compiler/reference/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/graph/state.h"
#include "compiler/reference/linear.h"

namespace nntune::reference {
namespace {

using graph::Op;
using graph::OpKind;
using graph::TensorType;

template <class T>
using Inputs = std::span<const HostTensor<T>* const>;

/// Why `rows` more tokens after `past` do not fit a cache.
Status check_capacity(const Op& op, std::int64_t past, std::int64_t rows, std::int64_t capacity) {
  if (past >= 0 && past + rows <= capacity) return {};
  return fail(ErrorKind::bad_input,
              fmt::format("{}: {} rows after {} do not fit a cache of {}", op.text(), rows, past, capacity));
}

template <class T>
Expected<HostTensor<T>> embed(const Op& op, const HostTensor<T>& ids, const HostTensor<T>& table, const TensorType& type) {
  HostTensor<T> out(type);
  for (std::int64_t i = 0; i < out.rows(); ++i) {
    const auto id = static_cast<std::int64_t>(ids.values[static_cast<std::size_t>(i)]);
    if (id < 0 || id >= table.rows()) {
      return fail(ErrorKind::bad_input, fmt::format("{}: id {} is not in a table of {} rows", op.text(), id, table.rows()));
    }
    std::copy_n(table.row(id), out.columns(), out.row(i));
  }
  return out;
}

template <class T>
Expected<HostTensor<T>> matmul(const Op& op, Inputs<T> inputs, EvalContext context) {
  const auto before = static_cast<std::size_t>(graph::operands(op.prologue()));
  const HostTensor<T>& w = *inputs[1 + before];
  // Without a prologue there is nothing to copy: the loops read x in place.
  if (op.prologue().empty()) return evaluate_chain(op.epilogue(), multiply(*inputs[0], w), inputs.subspan(2), context);
  NNTUNE_ASSIGN(const HostTensor<T> x, evaluate_chain(op.prologue(), *inputs[0], inputs.subspan(1, before), context));
  return evaluate_chain(op.epilogue(), multiply(x, w), inputs.subspan(2 + before), context);
}

template <class T>
Expected<HostTensor<T>> attention(const Op& op, Inputs<T> inputs, EvalContext context) {
  const auto before = static_cast<std::size_t>(graph::operands(op.prologue()));
  const HostTensor<T>& k = *inputs[1 + before];
  const HostTensor<T>& v = *inputs[2 + before];
  NNTUNE_TRY(check_capacity(op, context.past, inputs[0]->rows(), k.type.shape[1]));
  NNTUNE_ASSIGN(const HostTensor<T> q, evaluate_chain(op.prologue(), *inputs[0], inputs.subspan(1, before), context));
  const auto& attention = op.as<graph::Attention>();
  const auto scale = static_cast<T>(attention.scale);
  if (attention.splits > 1) {
    return attend_in_splits(q, k, v, attention.heads, scale, context.past, attention.splits);
  }
  return evaluate_chain(op.epilogue(), attend(q, k, v, attention.heads, scale, context.past), {}, context);
}

/// The mean of the parts, weighted by their sums of exponentials.
template <class T>
HostTensor<T> merge(const graph::AttentionMerge& op, const HostTensor<T>& parts) {
  const std::int64_t columns = parts.columns() / op.splits - op.heads;
  const std::int64_t d = columns / op.heads;
  HostTensor<T> out(TensorType{graph::DType::f32, {1, columns}, {}});
  const T* log_sums = parts.row(0) + op.splits * columns;
  for (std::int64_t head = 0; head < op.heads; ++head) {
    T largest = log_sums[head];
    for (std::int64_t s = 1; s < op.splits; ++s) largest = std::max(largest, log_sums[s * op.heads + head]);
    T total = 0;
    T* result = out.row(0) + head * d;
    for (std::int64_t s = 0; s < op.splits; ++s) {
      const T weight = std::exp2(log_sums[s * op.heads + head] - largest);
      total += weight;
      for (std::int64_t c = 0; c < d; ++c) result[c] += weight * parts.row(0)[s * columns + head * d + c];
    }
    for (std::int64_t c = 0; c < d; ++c) result[c] /= total;
  }
  return out;
}

/// Column h*d + c of row i goes to [h, past + i, c].
template <class T>
Expected<HostTensor<T>> cache_append(const Op& op, Inputs<T> inputs, EvalContext context) {
  HostTensor<T> cache = *inputs.back();
  const std::int64_t capacity = cache.type.shape[1];
  const std::int64_t d = cache.type.shape[2];
  NNTUNE_TRY(check_capacity(op, context.past, inputs[0]->rows(), capacity));
  NNTUNE_ASSIGN(const HostTensor<T> x,
                evaluate_chain(op.prologue(), *inputs[0], inputs.subspan(1, inputs.size() - 2), context));
  for (std::int64_t head = 0; head < cache.type.shape[0]; ++head) {
    for (std::int64_t i = 0; i < x.rows(); ++i) {
      T* to = cache.row(head * capacity + context.past + i);
      for (std::int64_t c = 0; c < d; ++c) {
        const T value = x.row(i)[head * d + c];
        to[c] = context.rounds ? round_to(cache.type.dtype, value) : value;
      }
    }
  }
  return cache;
}

template <class T>
HostTensor<T> slice(const graph::Slice& op, const HostTensor<T>& x, const TensorType& type) {
  HostTensor<T> out(type);
  const std::int64_t first_row = op.axis == 0 ? op.begin : 0;
  const std::int64_t first_column = op.axis == 1 ? op.begin : 0;
  for (std::int64_t i = 0; i < out.rows(); ++i) std::copy_n(x.row(first_row + i) + first_column, out.columns(), out.row(i));
  return out;
}

template <class T>
HostTensor<T> concat(Inputs<T> inputs, const TensorType& type) {
  HostTensor<T> out(type);
  auto to = out.values.begin();
  for (const HostTensor<T>* input : inputs) to = std::copy(input->values.begin(), input->values.end(), to);
  return out;
}

/// Rows of the result: `group` of the first, `group` of the second, and so on.
template <class T>
HostTensor<T> interleave(const graph::Interleave& op, Inputs<T> inputs, const TensorType& type) {
  HostTensor<T> out(type);
  for (std::int64_t i = 0; i < out.rows(); ++i) {
    const std::int64_t block = i / op.group;
    const std::int64_t row = block / 2 * op.group + i % op.group;
    std::copy_n(inputs[static_cast<std::size_t>(block % 2)]->row(row), out.columns(), out.row(i));
  }
  return out;
}

template <class T>
HostTensor<T> transpose(const HostTensor<T>& x, const TensorType& type) {
  HostTensor<T> out(type);
  for (std::int64_t i = 0; i < out.rows(); ++i) {
    for (std::int64_t j = 0; j < out.columns(); ++j) out.row(i)[j] = x.row(j)[i];
  }
  return out;
}

template <class T>
HostTensor<T> argmax(const HostTensor<T>& logits, const TensorType& type) {
  HostTensor<T> out(type);
  for (std::int64_t i = 0; i < logits.rows(); ++i) {
    const T* row = logits.row(i);
    out.values[static_cast<std::size_t>(i)] = static_cast<T>(std::max_element(row, row + logits.columns()) - row);
  }
  return out;
}

}  // namespace

template <class T>
Expected<HostTensor<T>> evaluate(const Op& op, std::span<const HostTensor<T>* const> inputs, EvalContext context) {
  std::vector<TensorType> types;
  for (const HostTensor<T>* input : inputs) types.push_back(input->type);
  NNTUNE_ASSIGN(const TensorType type, graph::infer_type(op, types));
  switch (op.kind()) {
    case OpKind::input:
    case OpKind::state:
    case OpKind::weight: return fail(ErrorKind::bad_input, fmt::format("{}: a leaf has a value only in a graph", op.text()));
    case OpKind::embed: return embed(op, *inputs[0], *inputs[1], type);
    case OpKind::rowwise: return evaluate_chain(op.prologue(), *inputs[0], inputs.subspan(1), context);
    case OpKind::matmul: return matmul(op, inputs, context);
    case OpKind::attention: return attention(op, inputs, context);
    case OpKind::attention_merge:
      return evaluate_chain(op.epilogue(), merge(op.as<graph::AttentionMerge>(), *inputs[0]), {}, context);
    case OpKind::cache_append: return cache_append(op, inputs, context);
    case OpKind::slice: return slice(op.as<graph::Slice>(), *inputs[0], type);
    case OpKind::concat: return concat(inputs, type);
    case OpKind::interleave: return interleave(op.as<graph::Interleave>(), inputs, type);
    case OpKind::transpose: return transpose(*inputs[0], type);
    case OpKind::reshape:
    case OpKind::pack:
    case OpKind::unpack: return HostTensor<T>(type, inputs[0]->values);
    case OpKind::argmax: return argmax(*inputs[0], type);
  }
  return fail(ErrorKind::internal, fmt::format("{}: unknown operation", op.text()));
}

template <class T>
Expected<HostTensor<T>> evaluate(const Op& op, std::span<const HostTensor<T>> inputs, EvalContext context) {
  std::vector<const HostTensor<T>*> pointers;
  for (const HostTensor<T>& input : inputs) pointers.push_back(&input);
  return evaluate<T>(op, Inputs<T>(pointers), context);
}

template <class T>
Expected<std::vector<HostTensor<T>>> evaluate_graph(const graph::Graph& graph,
                                                    const std::map<std::string, HostTensor<T>>& inputs,
                                                    const WeightLookup<T>& weights, EvalContext context) {
  std::vector<HostTensor<T>> results(graph.nodes().size());
  std::vector<const HostTensor<T>*> values;  // of each node: in `inputs`, in the hands of `weights`, or in `results`
  for (const graph::Node& node : graph.nodes()) {
    const auto state = graph::state_number(node.op);
    if (state || node.op.kind() == OpKind::input) {
      const std::string name = state ? graph::state_name(*state) : node.op.leaf_name();
      const auto found = inputs.find(name);
      if (found == inputs.end()) return fail(ErrorKind::bad_input, fmt::format("input \"{}\" is missing", name));
      values.push_back(&found->second);
    } else if (const auto* leaf = node.op.get_if<graph::Weight>()) {
      NNTUNE_ASSIGN(const HostTensor<T>* const weight, weights(leaf->name));
      values.push_back(weight);
    } else {
      std::vector<const HostTensor<T>*> operands;
      for (const graph::NodeId input : node.inputs) operands.push_back(values[static_cast<std::size_t>(input)]);
      HostTensor<T>& result = results[values.size()];
      NNTUNE_ASSIGN(result, evaluate<T>(node.op, Inputs<T>(operands), context));
      values.push_back(&result);
    }
    // A leaf from outside must be what the node says, up to dimensions that are known only now.
    const std::vector<std::int64_t>& have = values.back()->type.shape;
    const std::vector<std::int64_t>& want = node.type.shape;
    const bool fits = values.back()->type.dtype == node.type.dtype && values.back()->type.lanes == node.type.lanes &&
                      std::ranges::equal(have, want, [](auto h, auto w) { return h == w || w == graph::kRunTime; });
    if (!fits) {
      return fail(ErrorKind::bad_input,
                  fmt::format("{} has a value of type {}", node.op.text(), values.back()->type.text()));
    }
  }
  std::vector<HostTensor<T>> outputs;
  for (const graph::NodeId output : graph.outputs()) outputs.push_back(*values[static_cast<std::size_t>(output)]);
  return outputs;
}

#define NNTUNE_INSTANTIATE(T)                                                                                  \
  template Expected<HostTensor<T>> evaluate<T>(const Op&, std::span<const HostTensor<T>* const>, EvalContext); \
  template Expected<HostTensor<T>> evaluate<T>(const Op&, std::span<const HostTensor<T>>, EvalContext);        \
  template Expected<std::vector<HostTensor<T>>> evaluate_graph<T>(                                             \
      const graph::Graph&, const std::map<std::string, HostTensor<T>>&, const WeightLookup<T>&, EvalContext);
NNTUNE_INSTANTIATE(float)
NNTUNE_INSTANTIATE(double)
#undef NNTUNE_INSTANTIATE

}  // namespace nntune::reference
