#include "tuner/check.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace nntune::tuner {
namespace {

using graph::DType;
using graph::OpKind;
using reference::HostTensor;

bool casts_to_bf16(const graph::Chain& chain) {
  return std::ranges::any_of(
      chain, [](const graph::Step& step) { return step.kind == graph::StepKind::cast && step.dtype == DType::bf16; });
}

/// Columns of the result that are logarithms, behind all others.
std::size_t logarithms(const graph::Op& op) {
  const auto* const attention = op.get_if<graph::Attention>();
  return attention != nullptr && attention->splits > 1 ? static_cast<std::size_t>(attention->splits * attention->heads) : 0;
}

void run_all_threads(const Operands& operands, runtime::KernelFn kernel, void* scratch, std::int64_t rows) {
  const runtime::KernelSequence sequence{.position = operands.workload().past, .length = rows, .row_table = nullptr};
  runtime::KernelCall call = runtime::call_for(sequence);
  call.operands = operands.call(0).data();
  call.threads = operands.workload().threads;
  call.scratch = scratch;
  for (; call.thread < call.threads; ++call.thread) kernel(&call);
}

/// A number of rows that is no multiple of any tile, 1 for few.
std::int64_t some_rows(std::int64_t rows) { return rows / 8 + 1; }

}  // namespace

double tolerance(const schedule::Workload& workload) {
  if (workload.output.dtype == DType::i32) return 0;
  const bool any_bf16 = std::ranges::any_of(workload.inputs, [](const auto& type) { return type.dtype == DType::bf16; });
  if (workload.op.kind() == OpKind::attention && any_bf16) return 3e-2;
  if (workload.output.dtype == DType::bf16) return 1e-2;
  return casts_to_bf16(workload.op.prologue()) || casts_to_bf16(workload.op.epilogue()) ? 2e-3 : 1e-4;
}

Comparison compare(const schedule::Workload& workload, const HostTensor<float>& got, const HostTensor<float>& expected,
                   std::int64_t rows) {
  Comparison comparison{.max_error = 0, .tolerance = tolerance(workload)};
  // A state, e.g. [kv_heads, capacity, d], is blocks of capacity rows of which the first past + rows count; all else is one block.
  const auto& shape = expected.type.shape;
  const bool state = workload.op.traits().in_place;
  const std::size_t row_axis = state ? schedule::token_axis(workload.output) : 0;
  std::int64_t blocks = 1;
  for (std::size_t axis = 0; axis < row_axis; ++axis) blocks *= shape[axis];
  const std::int64_t block = expected.type.elements() / blocks;
  const std::int64_t columns = block / shape[row_axis];
  const std::int64_t compared = state ? std::min(shape[row_axis], workload.past + rows) : rows;
  for (std::int64_t row = 0; row < blocks * compared; ++row) {
    const std::int64_t first = row / compared * block + row % compared * columns;
    const std::span want(expected.values.data() + first, static_cast<std::size_t>(columns));
    const std::span have(got.values.data() + first, static_cast<std::size_t>(columns));
    // What splits of attention give ends with logarithms, of which a difference counts: it is a factor of a weight.
    const std::span means = want.first(want.size() - logarithms(workload.op));
    double squares = 0;
    for (const float value : means) squares += static_cast<double>(value) * value;
    const double rms = std::sqrt(squares / static_cast<double>(means.size()));
    for (std::size_t i = 0; i < want.size(); ++i) {
      const double error = std::abs(static_cast<double>(have[i]) - want[i]);
      if (!std::isfinite(error)) return {.max_error = std::nan(""), .tolerance = comparison.tolerance};
      const double scale = i < means.size() ? std::max<double>(std::abs(want[i]), rms) : 1;
      if (error > 0) comparison.max_error = std::max(comparison.max_error, error / scale);
    }
  }
  return comparison;
}

Comparison check(Operands& operands, runtime::KernelFn kernel, void* scratch, const HostTensor<float>& expected) {
  const std::int64_t rows = rows_of(operands.workload());
  operands.reset_output();
  run_all_threads(operands, kernel, scratch, rows);
  Comparison whole = compare(operands.workload(), operands.read_output(), expected, rows);
  if (rows == 1 || !whole.ok()) return whole;
  const std::int64_t few = some_rows(rows);
  operands.reset_output();
  run_all_threads(operands, kernel, scratch, few);
  const Comparison part = compare(operands.workload(), operands.read_output(), expected, few);
  if (!part.ok()) return part;
  whole.max_error = std::max(whole.max_error, part.max_error);
  return whole;
}

}  // namespace nntune::tuner
