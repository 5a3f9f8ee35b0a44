/// Tensors of the reference evaluator: plain logical values, whatever the layout of the type.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bf16.h"
#include "compiler/graph/types.h"

namespace nntune::reference {

/// Values in row-major logical order; lanes in `type` change nothing here. T is float or double.
///
/// A bf16 tensor holds values that are representable in bf16, an i32 tensor whole numbers.
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

  /// The same values with another layout.
  [[nodiscard]] HostTensor with_type(graph::TensorType other) && { return HostTensor(std::move(other), std::move(values)); }
};

/// `value` as `dtype` holds it: bf16 to nearest even; the others as they are.
template <class T>
[[nodiscard]] T round_to(graph::DType dtype, T value) {
  return dtype == graph::DType::bf16 ? static_cast<T>(bf16_to_float(float_to_bf16(static_cast<float>(value)))) : value;
}

template <class T>
void round_values(HostTensor<T>& tensor) {
  if (tensor.type.dtype != graph::DType::bf16) return;
  for (T& value : tensor.values) value = round_to(graph::DType::bf16, value);
}

}  // namespace nntune::reference
