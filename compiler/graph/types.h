/// The type of a tensor: what it holds (shape, dtype) and how it lies in memory (lanes).
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace nntune::graph {

enum class DType : std::uint8_t { f32, bf16, i8, i32 };

[[nodiscard]] std::size_t size_bytes(DType dtype);
[[nodiscard]] std::string_view name(DType dtype);
[[nodiscard]] Expected<DType> parse_dtype(std::string_view text);

/// `count` consecutive elements of `axis` that lie together in memory.
struct Lane {
  int axis = 0;
  int count = 1;
  auto operator<=>(const Lane&) const = default;
};

/// "0:32,1:2", "" for none.
[[nodiscard]] std::string text(const std::vector<Lane>& lanes);
[[nodiscard]] Expected<std::vector<Lane>> parse_lanes(std::string_view text);

/// A dimension that is only known at run time (the capacity of the KV cache).
inline constexpr std::int64_t kRunTime = -1;

/// Shape, dtype and packed layout.
///
/// i8 may be quantised in blocks (`block` > 0, the Q8_0 of llama.cpp): so many neighbours along the last axis share one f32
/// scale, and a value is its scale times an integer of -127..127. The scale is the largest magnitude of the block / 127, so one
/// of its integers is 127 or -127, or all are 0. The scales lie behind the values, in the layout of scales().
///
/// Without lanes the tensor is row-major. With lanes, axis a is cut into outer(a) = ceil(shape[a] / lanes on a) tiles; the
/// outer indices come first in axis order, then the lanes in the order listed, all row-major, padded with zeros. So
/// bf16[6144,1024]<0:32,1:2> is [192][512][32][2]: panels of 32 outputs, pairs along k (Pack of nncase, arXiv 2512.21571);
/// bf16[N,K]<0:16,1:32> is a 2-D tile.
struct TensorType {
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  std::vector<Lane> lanes;
  std::int64_t block = 0;  ///< columns that share a scale; 0: values are what they are

  auto operator<=>(const TensorType&) const = default;

  [[nodiscard]] int rank() const { return static_cast<int>(shape.size()); }
  [[nodiscard]] bool packed() const { return !lanes.empty(); }
  /// Product of the lanes on `axis`.
  [[nodiscard]] std::int64_t lanes_on(int axis) const;
  /// Number of tiles along `axis`, the last one perhaps padded.
  [[nodiscard]] std::int64_t outer(int axis) const;
  /// Logical elements; every dimension must be static.
  [[nodiscard]] std::int64_t elements() const;
  /// Elements in memory, padding included; every dimension must be static.
  [[nodiscard]] std::int64_t storage_elements() const;
  [[nodiscard]] std::int64_t storage_bytes() const;
  /// Of a matrix in blocks: the type of its scales, f32[rows, columns / block] with the lanes on axis 0.
  [[nodiscard]] TensorType scales() const;
  /// Bytes from the start of the values to the scales, a multiple of 64.
  [[nodiscard]] std::int64_t scales_offset() const;
  /// Position in memory, in elements, of the logical `index` (one entry an axis).
  [[nodiscard]] std::int64_t storage_offset(const std::vector<std::int64_t>& index) const;
  /// The same values without lanes.
  [[nodiscard]] TensorType unpacked() const { return {dtype, shape, {}, block}; }
  /// Why there is no such tensor (no dimensions, a dimension below 1, lanes on an axis it does not have, absurd size, blocks
  /// that do not fill the rows of an i8 matrix).
  [[nodiscard]] Status validate() const;

  /// Canonical text, e.g. "bf16[6144,1024]<0:32,1:2>", in blocks of 32 "i8/32[6144,1024]<0:32,1:4>"; a run-time dimension is "?".
  [[nodiscard]] std::string text() const;
  [[nodiscard]] static Expected<TensorType> parse(std::string_view text);
};

}  // namespace nntune::graph
