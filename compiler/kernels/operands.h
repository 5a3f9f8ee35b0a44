/// The buffers of a workload's operands, as every family declares them.
#pragma once

#include <span>
#include <vector>

#include "base/target.h"
#include "compiler/loopir/loopir.h"
#include "compiler/schedule/workload.h"

namespace nntune::kernels {

[[nodiscard]] loopir::Scalar scalar_of(graph::DType dtype);

/// f32 lanes of the widest vector register.
[[nodiscard]] inline int vector_lanes(const Isa& isa) { return isa.vector_bytes() / 4; }

/// Declares one buffer an operand, the output last, in `function.operands`. Unpacked matrices of activations have a run-time
/// row stride; weights (`constant`: positions in the inputs) and tables are dense.
void declare_operands(loopir::Function& function, const schedule::Workload& workload, std::span<const std::size_t> constant);

/// Why no kernel reads, makes or writes these element types, "" if kernels may.
[[nodiscard]] std::string refuse_types(const schedule::Workload& workload);

/// The types of `count` inputs from `first`.
[[nodiscard]] std::span<const graph::TensorType> types(const schedule::Workload& workload, std::size_t first,
                                                       std::size_t count);
[[nodiscard]] std::span<const loopir::Buffer> buffers(const loopir::Function& function, std::size_t first,
                                                      std::size_t count);

/// Bytes of an operand; a run-time dimension counts as `past` rows.
[[nodiscard]] double operand_bytes(const graph::TensorType& type, std::int64_t past);

}  // namespace nntune::kernels
