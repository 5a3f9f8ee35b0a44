#include "tuner/check.h"

#include "compiler/reference/row_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

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
std::int64_t logarithms(const graph::Op& op) {
  const auto* const attention = op.get_if<graph::Attention>();
  return attention != nullptr && attention->splits > 1 ? attention->splits * attention->heads : 0;
}

/// What kernels find in memory that they should not read: NaN in f32 and in bf16.
void forget(std::span<std::byte> memory) { std::memset(memory.data(), 0xFF, memory.size()); }

class Run {
 public:
  Run(Operands& operands, const CallableKernel& kernel, runtime::Team& team)
      : operands_(operands), kernel_(kernel), team_(team) {}

  /// All threads at once.
  HostTensor<float> together(std::int64_t rows) {
    operands_.reset_output();
    forget({kernel_.scratch, kernel_.scratch_stride * static_cast<std::size_t>(team_.threads())});
    team_.run([&](int thread) { call(rows, thread); });
    return operands_.read_output(rows);
  }

  HostTensor<float> alone(std::int64_t rows, int thread) {
    operands_.reset_output();
    call(rows, thread);
    return operands_.read_output(rows);
  }

 private:
  void call(std::int64_t rows, int thread) const {
    const runtime::KernelSequence sequence{.position = operands_.workload().past, .length = rows, .row_table = nullptr};
    runtime::KernelCall call = runtime::call_for(sequence);
    call.operands = operands_.call(0).data();
    call.thread = thread;
    call.threads = team_.threads();
    call.scratch = kernel_.scratch + kernel_.scratch_stride * static_cast<std::size_t>(thread);
    kernel_.function(&call);
  }

  Operands& operands_;
  const CallableKernel& kernel_;
  runtime::Team& team_;
};

/// The first row of the output that a call writes: of a state that behind the past.
std::int64_t first_row(const schedule::Workload& workload) { return workload.op().traits().in_place ? workload.past : 0; }

/// Two threads that write the same element, or "".
std::string overlap(const schedule::Workload& workload, Run& run, std::int64_t rows, int threads) {
  std::vector<std::int16_t> writers;  // by element; -1: none yet
  std::string found;
  for (int thread = 0; thread < threads; ++thread) {
    const HostTensor<float> part = run.alone(rows, thread);
    writers.resize(part.values.size(), -1);
    const std::int64_t first = first_row(workload);
    reference::for_rows(part.type, row_axis(workload), first, first + rows,
                        [&](std::int64_t row, std::int64_t offset, std::int64_t columns) {
                          for (std::int64_t i = offset; i < offset + columns && found.empty(); ++i) {
                            const float value = part.values[static_cast<std::size_t>(i)];
                            if (part.type.dtype == DType::i32 ? value == -1 : std::isnan(value)) continue;
                            std::int16_t& writer = writers[static_cast<std::size_t>(i)];
                            if (writer >= 0) found = fmt::format("threads {} and {} both write row {}", writer, thread, row);
                            writer = static_cast<std::int16_t>(thread);
                          }
                        });
    if (!found.empty()) break;
  }
  return found;
}

/// A number of rows that is no multiple of any tile, 1 for few.
std::int64_t some_rows(std::int64_t rows) { return rows / 8 + 1; }

}  // namespace

double tolerance(const schedule::Workload& workload) {
  if (workload.output.dtype == DType::i32) return 0;
  const bool any_bf16 = std::ranges::any_of(workload.inputs, [](const auto& type) { return type.dtype == DType::bf16; });
  if (workload.op().kind() == OpKind::attention && any_bf16) return 3e-2;
  if (workload.output.dtype == DType::bf16) return 1e-2;
  return casts_to_bf16(workload.op().prologue()) || casts_to_bf16(workload.op().epilogue()) ? 2e-3 : 1e-4;
}

std::string Comparison::text() const {
  if (!defect.empty()) return defect;
  if (std::isnan(max_error)) return fmt::format("row {} was not written, or is not finite", row);
  return fmt::format("error {:.3g} in row {}, tolerance {:.3g}", max_error, row, tolerance);
}

Comparison compare(const schedule::Workload& workload, const HostTensor<float>& got, const HostTensor<float>& expected,
                   std::int64_t rows) {
  const std::int64_t end = first_row(workload) + rows;
  const reference::RowError error =
      reference::largest_row_error(got, expected, row_axis(workload), 0, end, logarithms(workload.op()));
  return {.max_error = error.largest, .tolerance = tolerance(workload), .defect = {}, .row = error.row};
}

Comparison check(Operands& operands, const CallableKernel& kernel, runtime::Team& team, const HostTensor<float>& expected) {
  const schedule::Workload& workload = operands.workload();
  const std::int64_t rows = rows_of(workload);
  const std::int64_t few = some_rows(rows);
  Run run(operands, kernel, team);
  Comparison whole = compare(workload, run.together(rows), expected, rows);
  if (!whole.ok()) return whole;
  if (few < rows) {
    const Comparison part = compare(workload, run.together(few), expected, few);
    if (!part.ok()) return part;
    if (part.max_error > whole.max_error) whole = part;
  }
  if (team.threads() > 1) whole.defect = overlap(workload, run, few, team.threads());
  return whole;
}

}  // namespace nntune::tuner
