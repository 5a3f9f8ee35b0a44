/// Logical values to and from the bytes that generated kernels read and write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "compiler/reference/tensor.h"

namespace nntune::reference {

/// Bytes of a tensor in memory. `row_stride` (elements between rows, 0 = dense) applies to row-major matrices only.
[[nodiscard]] std::int64_t storage_bytes(const graph::TensorType& type, std::int64_t row_stride = 0);

/// Writes all of storage_bytes(): values in the layout and dtype of the type (i32 as integers, blocks as integers and scales),
/// lane padding as zeros.
/// Elements between the rows of a strided matrix stay as they are.
template <class T>
void write_storage(const HostTensor<T>& tensor, std::span<std::byte> memory, std::int64_t row_stride = 0);

template <class T>
[[nodiscard]] std::vector<std::byte> to_storage(const HostTensor<T>& tensor, std::int64_t row_stride = 0);

/// Reads what write_storage wrote; padding is not looked at.
template <class T>
[[nodiscard]] HostTensor<T> read_storage(const graph::TensorType& type, std::span<const std::byte> memory,
                                         std::int64_t row_stride = 0);

}  // namespace nntune::reference
