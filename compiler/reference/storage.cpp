#include "compiler/reference/storage.h"

#include <cmath>
#include <cstring>

namespace nntune::reference {
namespace {

using graph::DType;
using graph::TensorType;

/// The place of an element is the sum of one number an axis, because every tile and lane belongs to one axis.
/// \return for each axis, the share of each of its indices
std::vector<std::vector<std::int64_t>> axis_offsets(const TensorType& type, std::int64_t row_stride) {
  std::vector<std::vector<std::int64_t>> offsets;
  for (int axis = 0; axis < type.rank(); ++axis) {
    const std::int64_t size = type.shape[static_cast<std::size_t>(axis)];
    std::vector<std::int64_t>& shares = offsets.emplace_back();
    std::vector<std::int64_t> index(type.shape.size(), 0);
    for (std::int64_t i = 0; i < size; ++i) {
      index[static_cast<std::size_t>(axis)] = i;
      const bool strided = row_stride != 0 && axis == 0;
      shares.push_back(strided ? i * row_stride : type.storage_offset(index));
    }
  }
  return offsets;
}

/// Calls visit(logical position, place in memory) for every element in logical order.
template <class Visit>
void for_each_element(const TensorType& type, std::int64_t row_stride, Visit visit) {
  assert(row_stride == 0 || (type.rank() == 2 && !type.packed() && row_stride >= type.shape[1]));
  const auto offsets = axis_offsets(type, row_stride);
  const std::vector<std::int64_t>& last = offsets.back();
  const auto outer = static_cast<std::size_t>(type.elements()) / last.size();
  std::size_t position = 0;
  for (std::size_t row = 0; row < outer; ++row) {
    std::int64_t base = 0;
    std::size_t rest = row;
    for (std::size_t axis = offsets.size() - 1; axis-- > 0;) {
      base += offsets[axis][rest % offsets[axis].size()];
      rest /= offsets[axis].size();
    }
    for (const std::int64_t share : last) visit(position++, static_cast<std::size_t>(base + share));
  }
}

template <class Element>
void put(std::span<std::byte> memory, std::size_t place, Element element) {
  std::memcpy(memory.data() + place * sizeof(Element), &element, sizeof(Element));
}

template <class Element>
Element get(std::span<const std::byte> memory, std::size_t place) {
  Element element;
  std::memcpy(&element, memory.data() + place * sizeof(Element), sizeof(Element));
  return element;
}

/// Of a type in blocks: calls visit(first logical position of a block, place of its scale in memory) for each block.
template <class Visit>
void for_each_block(const TensorType& type, Visit visit) {
  for_each_element(type.scales(), 0, [&](std::size_t i, std::size_t place) {
    const auto bytes = static_cast<std::size_t>(type.scales_offset()) + place * sizeof(float);
    visit(i * static_cast<std::size_t>(type.block), bytes);
  });
}

template <class T>
void write_blocks(const HostTensor<T>& tensor, std::span<std::byte> memory) {
  const TensorType& type = tensor.type;
  std::memset(memory.data(), 0, static_cast<std::size_t>(type.storage_bytes()));
  const T* values = tensor.values.data();
  std::vector<T> scales(tensor.values.size() / static_cast<std::size_t>(type.block));
  for_each_block(type, [&](std::size_t first, std::size_t place) {
    const T scale = block_scale(values + first, type.block);
    scales[first / static_cast<std::size_t>(type.block)] = scale;
    put(memory.subspan(place), 0, static_cast<float>(scale));
  });
  for_each_element(type, 0, [&](std::size_t i, std::size_t place) {
    const T scale = scales[i / static_cast<std::size_t>(type.block)];
    put(memory, place, static_cast<std::int8_t>(scale > 0 ? std::nearbyint(values[i] / scale) : 0));
  });
}

template <class T>
void read_blocks(HostTensor<T>& tensor, std::span<const std::byte> memory) {
  const auto block = static_cast<std::size_t>(tensor.type.block);
  T* values = tensor.values.data();
  for_each_element(tensor.type, 0,
                   [&](std::size_t i, std::size_t place) { values[i] = static_cast<T>(get<std::int8_t>(memory, place)); });
  for_each_block(tensor.type, [&](std::size_t first, std::size_t place) {
    const T scale = get<float>(memory.subspan(place), 0);
    for (std::size_t i = first; i < first + block; ++i) values[i] *= scale;
  });
}

}  // namespace

std::int64_t storage_bytes(const TensorType& type, std::int64_t row_stride) {
  if (row_stride == 0) return type.storage_bytes();
  return ((type.shape[0] - 1) * row_stride + type.shape[1]) * static_cast<std::int64_t>(graph::size_bytes(type.dtype));
}

template <class T>
void write_storage(const HostTensor<T>& tensor, std::span<std::byte> memory, std::int64_t row_stride) {
  assert(static_cast<std::int64_t>(memory.size()) >= storage_bytes(tensor.type, row_stride));
  const TensorType& type = tensor.type;
  assert(row_stride == 0 || type.block == 0);
  if (type.block != 0) return write_blocks(tensor, memory);
  if (type.packed()) std::memset(memory.data(), 0, static_cast<std::size_t>(type.storage_bytes()));
  const T* values = tensor.values.data();
  switch (type.dtype) {
    case DType::f32:
      for_each_element(type, row_stride, [&](auto i, auto place) { put(memory, place, static_cast<float>(values[i])); });
      break;
    case DType::bf16:
      for_each_element(type, row_stride,
                       [&](auto i, auto place) { put(memory, place, float_to_bf16(static_cast<float>(values[i]))); });
      break;
    case DType::i8:
      for_each_element(type, row_stride,
                       [&](auto i, auto place) { put(memory, place, static_cast<std::int8_t>(values[i])); });
      break;
    case DType::i32:
      for_each_element(type, row_stride,
                       [&](auto i, auto place) { put(memory, place, static_cast<std::int32_t>(values[i])); });
      break;
  }
}

template <class T>
std::vector<std::byte> to_storage(const HostTensor<T>& tensor, std::int64_t row_stride) {
  std::vector<std::byte> memory(static_cast<std::size_t>(storage_bytes(tensor.type, row_stride)));
  write_storage(tensor, std::span<std::byte>(memory), row_stride);
  return memory;
}

template <class T>
HostTensor<T> read_storage(const TensorType& type, std::span<const std::byte> memory, std::int64_t row_stride) {
  assert(static_cast<std::int64_t>(memory.size()) >= storage_bytes(type, row_stride));
  HostTensor<T> tensor(type);
  if (type.block != 0) {
    read_blocks(tensor, memory);
    return tensor;
  }
  T* values = tensor.values.data();
  switch (type.dtype) {
    case DType::f32:
      for_each_element(type, row_stride, [&](auto i, auto place) { values[i] = static_cast<T>(get<float>(memory, place)); });
      break;
    case DType::bf16:
      for_each_element(type, row_stride, [&](auto i, auto place) {
        values[i] = static_cast<T>(bf16_to_float(get<std::uint16_t>(memory, place)));
      });
      break;
    case DType::i8:
      for_each_element(type, row_stride,
                       [&](auto i, auto place) { values[i] = static_cast<T>(get<std::int8_t>(memory, place)); });
      break;
    case DType::i32:
      for_each_element(type, row_stride,
                       [&](auto i, auto place) { values[i] = static_cast<T>(get<std::int32_t>(memory, place)); });
      break;
  }
  return tensor;
}

#define NNTUNE_INSTANTIATE(T)                                                               \
  template void write_storage<T>(const HostTensor<T>&, std::span<std::byte>, std::int64_t); \
  template std::vector<std::byte> to_storage<T>(const HostTensor<T>&, std::int64_t);        \
  template HostTensor<T> read_storage<T>(const TensorType&, std::span<const std::byte>, std::int64_t);
NNTUNE_INSTANTIATE(float)
NNTUNE_INSTANTIATE(double)
#undef NNTUNE_INSTANTIATE

}  // namespace nntune::reference
