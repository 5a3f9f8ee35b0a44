/// Is what a kernel computed what the reference computed, and does each of its threads keep to its own part?
#pragma once

#include <cstdint>
#include <string>

#include "compiler/reference/tensor.h"
#include "compiler/runtime/team.h"
#include "compiler/schedule/workload.h"
#include "tuner/call_clock.h"
#include "tuner/operands.h"

namespace nntune::tuner {

struct Comparison {
  double max_error = 0;  ///< of |got - expected| / max(|expected|, rms of its row), of logarithms |got - expected|; NaN if
                         ///< something was not finite, which is also what nobody wrote
  double tolerance = 0;
  std::string defect;  ///< what else is wrong, e.g. "threads 0 and 1 both write row 3"; "" if nothing
  std::int64_t row = -1;
  [[nodiscard]] bool ok() const { return defect.empty() && max_error <= tolerance; }  // false for NaN
  /// For people: the defect, or the error and where it is.
  [[nodiscard]] std::string text() const;
};

/// What rounding may cost. Another order of f32 sums: 1e-4. A cast to bf16 inside, where a value at the edge may be rounded
/// to its neighbour: 2e-3 (one of many terms), 1e-2 where the output is bf16 itself, 3e-2 where attention rounds its queries
/// and probabilities to multiply them with a bf16 cache. Whole numbers must be equal. One term left out of a sum of K costs about
/// 1/sqrt(K) of the rms, which is more.
[[nodiscard]] double tolerance(const schedule::Workload& workload);

/// Compares the first `rows` rows of the output (of a state: the positions before past + rows).
[[nodiscard]] Comparison compare(const schedule::Workload& workload, const reference::HostTensor<float>& got,
                                 const reference::HostTensor<float>& expected, std::int64_t rows);

/// Runs the kernel on `operands` as a model does, all threads of the team at once, for all rows and again for a few of them (a
/// prefill bucket also runs shorter prompts), and compares the whole output, which is NaN before, as scratch is. Then runs each
/// thread alone for a few rows: no element may be written by two. `kernel.scratch`: scratch_stride bytes for each thread.
[[nodiscard]] Comparison check(Operands& operands, const CallableKernel& kernel, runtime::Team& team,
                               const reference::HostTensor<float>& expected);

}  // namespace nntune::tuner
