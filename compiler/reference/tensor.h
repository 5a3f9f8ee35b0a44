/// Tensors of the reference evaluator: plain logical values, whatever the layout of the type.
#pragma once

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bf16.h"
#include "compiler/graph/types.h"

namespace nntune::reference {

/// Values in row-major logical order; lanes in `type` change nothing here. T is float or double.
///
/// A bf16 tensor holds values that are representable in bf16, an i32 tensor whole numbers, one in blocks integers times scales.
template <class T>
struct HostTensor {
  graph::TensorType type;  ///< every dimension static
  std::vector<T> values;

  HostTensor() = default;
  /// Zeros.
  explicit HostTensor(graph::TensorType tensor_type)
      : type(std::move(tensor_type)), values(static_cast<std::size_t>(type.elements())) {}
  HostTensor(graph::TensorType tensor_type, std::vector<T> tensor_values)
      : type(std::move(tensor_type)), values(std::move(tensor_values)) {
    assert(static_cast<std::int64_t>(values.size()) == type.elements());
  }

  /// Of a matrix.
  [[nodiscard]] std::int64_t rows() const { return type.shape[0]; }
  [[nodiscard]] std::int64_t columns() const { return type.shape[1]; }
  [[nodiscard]] T* row(std::int64_t i) { return values.data() + i * type.shape.back(); }
  [[nodiscard]] const T* row(std::int64_t i) const { return values.data() + i * type.shape.back(); }
};

/// `value` as `dtype` holds it: bf16 to nearest even; the others as they are.
template <class T>
[[nodiscard]] T round_to(graph::DType dtype, T value) {
  return dtype == graph::DType::bf16 ? static_cast<T>(round_to_bf16(static_cast<float>(value))) : value;
}

/// The scale of a block of a quantised tensor.
template <class T>
[[nodiscard]] T block_scale(const T* values, std::int64_t block) {
  T largest = 0;
  for (std::int64_t i = 0; i < block; ++i) largest = std::max(largest, std::abs(values[i]));
  return static_cast<T>(static_cast<float>(largest / 127));
}

/// Rounds `count` values, whole blocks, to integers times the scale of their block (graph::TensorType::block).
template <class T>
void quantise(T* values, std::int64_t count, std::int64_t block) {
  for (std::int64_t begin = 0; begin < count; begin += block) {
    const T scale = block_scale(values + begin, block);
    for (std::int64_t i = begin; i < begin + block; ++i)
      values[i] = scale > 0 ? std::nearbyint(values[i] / scale) * scale : 0;
  }
}

template <class T>
void round_values(HostTensor<T>& tensor) {
  if (tensor.type.block != 0) quantise(tensor.values.data(), tensor.type.elements(), tensor.type.block);
  if (tensor.type.dtype != graph::DType::bf16) return;
  for (T& value : tensor.values) value = round_to(graph::DType::bf16, value);
}

}  // namespace nntune::reference
