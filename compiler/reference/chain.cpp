/// The row-wise steps: evaluate_chain of evaluate.h.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/reference/evaluate.h"
#include "compiler/reference/linear.h"

namespace nntune::reference {
namespace {

using graph::Step;
using graph::StepKind;

template <class T>
T silu(T x) {
  return x / (1 + std::exp(-x));
}

template <class T>
void rms(T* row, std::int64_t columns, std::int64_t group, double eps) {
  for (std::int64_t begin = 0; begin < columns; begin += group) {
    T* x = row + begin;
    const T scale = 1 / std::sqrt(dot(x, x, group) / static_cast<T>(group) + static_cast<T>(eps));
    for (std::int64_t c = 0; c < group; ++c) x[c] *= scale;
  }
}

/// Rotates the pairs (c, c + d/2) of each head of d columns by the angles of `table`: d/2 cosines, then d/2 sines.
template <class T>
void rope(T* row, std::int64_t columns, std::int64_t d, const T* table) {
  const std::int64_t half = d / 2;
  for (std::int64_t begin = 0; begin < columns; begin += d) {
    T* x = row + begin;
    for (std::int64_t c = 0; c < half; ++c) {
      const T cosine = table[c];
      const T sine = table[half + c];
      const T first = x[c];
      const T second = x[half + c];
      x[c] = first * cosine - second * sine;
      x[half + c] = second * cosine + first * sine;
    }
  }
}

template <class T>
void softmax(T* row, std::int64_t columns) {
  const T largest = *std::max_element(row, row + columns);
  T total = 0;
  for (std::int64_t c = 0; c < columns; ++c) total += row[c] = std::exp(row[c] - largest);
  for (std::int64_t c = 0; c < columns; ++c) row[c] /= total;
}

/// Gate and up alternate in blocks of `group` columns; out: half as many columns.
template <class T>
void swiglu_blocks(const T* row, std::int64_t columns, std::int64_t group, T* out) {
  for (std::int64_t c = 0; c < columns / 2; ++c) {
    const std::int64_t gate = c / group * 2 * group + c % group;
    out[c] = silu(row[gate]) * row[gate + group];
  }
}

template <class T>
void apply(const Step& step, const graph::TensorType& result, const HostTensor<T>& operand, EvalContext context,
           HostTensor<T>& x) {
  const std::int64_t columns = x.columns();
  HostTensor<T> narrow;
  if (step.traits().narrows > 1) narrow = HostTensor<T>(result);
  for (std::int64_t i = 0; i < x.rows(); ++i) {
    T* row = x.row(i);
    switch (step.kind) {
      case StepKind::rms: rms(row, columns, step.group == 0 ? columns : step.group, step.eps); break;
      case StepKind::scale: {
        const std::int64_t period = operand.type.shape[0];
        for (std::int64_t c = 0; c < columns; ++c) row[c] *= operand.values[static_cast<std::size_t>(c % period)];
        break;
      }
      case StepKind::bias: {
        const std::int64_t period = operand.type.shape[0];
        for (std::int64_t c = 0; c < columns; ++c) row[c] += operand.values[static_cast<std::size_t>(c % period)];
        break;
      }
      case StepKind::add:
        for (std::int64_t c = 0; c < columns; ++c) row[c] += operand.row(i)[c];
        break;
      case StepKind::swiglu:
        for (std::int64_t c = 0; c < columns; ++c) row[c] = silu(row[c]) * operand.row(i)[c];
        break;
      case StepKind::swiglu_split: swiglu_blocks(row, columns, columns / 2, narrow.row(i)); break;
      case StepKind::swiglu_pairs: swiglu_blocks(row, columns, step.group, narrow.row(i)); break;
      case StepKind::rope: rope(row, columns, step.group, operand.row(context.past + i)); break;
      case StepKind::softmax: softmax(row, columns); break;
      case StepKind::cast:
        for (std::int64_t c = 0; c < columns && context.rounds; ++c) row[c] = round_to(step.dtype, row[c]);
        break;
      case StepKind::quantise:
        if (context.rounds) quantise(row, columns, step.group);
        break;
      case StepKind::pack: break;
    }
  }
  if (!narrow.values.empty()) x = std::move(narrow);
  x.type = result;
}

}  // namespace

template <class T>
Expected<HostTensor<T>> evaluate_chain(const graph::Chain& chain, HostTensor<T> x,
                                       std::span<const HostTensor<T>* const> operands, EvalContext context) {
  const HostTensor<T> none;
  std::size_t next = 0;
  for (const Step& step : chain) {
    const HostTensor<T>* operand = &none;
    std::vector<graph::TensorType> types;
    if (step.operands() == 1) {
      if (next == operands.size()) return fail(ErrorKind::bad_input, fmt::format("{}: an operand is missing", step.text()));
      operand = operands[next++];
      types.push_back(operand->type);
    }
    NNTUNE_ASSIGN(const graph::TensorType result, graph::infer_chain({step}, x.type, types));
    if (step.traits().reads_position && (context.past < 0 || context.past + x.rows() > operand->rows())) {
      return fail(ErrorKind::bad_input, fmt::format("{}: {} rows after {} do not fit a table of {} positions", step.text(),
                                                    x.rows(), context.past, operand->rows()));
    }
    apply(step, result, *operand, context, x);
  }
  return x;
}

template Expected<HostTensor<float>> evaluate_chain(const graph::Chain&, HostTensor<float>,
                                                    std::span<const HostTensor<float>* const>, EvalContext);
template Expected<HostTensor<double>> evaluate_chain(const graph::Chain&, HostTensor<double>,
                                                     std::span<const HostTensor<double>* const>, EvalContext);

}  // namespace nntune::reference
