/// Random tensors for comparing programs and checking candidates: the same numbers on every machine.
#pragma once

#include <cstdint>

#include "compiler/reference/tensor.h"

namespace nntune::reference {

/// Uniform values in [-amplitude, amplitude], rounded to the dtype and its blocks; i8 without blocks: whole numbers up to
/// 127 of these; i32:
/// whole numbers in [0, amplitude).
template <class T>
[[nodiscard]] HostTensor<T> random_tensor(const graph::TensorType& type, std::uint64_t seed, double amplitude = 1.0);

}  // namespace nntune::reference
