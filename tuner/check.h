/// Is what a kernel computed what the reference computed?
#pragma once

#include <cstdint>

#include "compiler/reference/tensor.h"
#include "compiler/runtime/kernel_abi.h"
#include "compiler/schedule/workload.h"
#include "tuner/operands.h"

namespace nntune::tuner {

struct Comparison {
  double max_error = 0;  ///< of |got - expected| / max(|expected|, rms of its row), of logarithms |got - expected|; NaN if
                         ///< something was not finite
  double tolerance = 0;
  [[nodiscard]] bool ok() const { return max_error <= tolerance; }  // false for NaN
};

/// What rounding may cost. Another order of f32 sums: 1e-4. A cast to bf16 inside, where a value at the edge may be rounded
/// to its neighbour: 2e-3 (one of many terms), 1e-2 where the output is bf16 itself, 3e-2 where attention rounds its queries
/// and probabilities to multiply them with a bf16 cache. Whole numbers must be equal. One term left out of a sum of K costs about 1/sqrt(K) of the rms, which is more.
[[nodiscard]] double tolerance(const schedule::Workload& workload);

/// Compares the first `rows` rows of the output (of a cache: the positions before past + rows).
[[nodiscard]] Comparison compare(const schedule::Workload& workload, const reference::HostTensor<float>& got,
                                 const reference::HostTensor<float>& expected, std::int64_t rows);

/// Runs the kernel on `operands`, the parts of all threads one after the other, for all rows and again for a few of them
/// (a prefill bucket also runs shorter prompts), and compares the whole output. `scratch`: kernel_abi.h
[[nodiscard]] Comparison check(Operands& operands, runtime::KernelFn kernel, void* scratch,
                               const reference::HostTensor<float>& expected);

}  // namespace nntune::tuner
