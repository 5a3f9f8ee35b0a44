/// How far computed rows are from those of the reference, each by its own measure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "compiler/reference/tensor.h"

namespace nntune::reference {

/// Visits `begin` to `end` of the rows that lie along `axis`: of [m, C] along 0 its rows, of a state [heads, capacity, d] along 1
/// these positions of every head. visit(row, offset of its first element, columns).
template <class Visit>
void for_rows(const graph::TensorType& type, std::size_t axis, std::int64_t begin, std::int64_t end, const Visit& visit) {
  std::int64_t blocks = 1;
  for (std::size_t outer = 0; outer < axis; ++outer) blocks *= type.shape[outer];
  const std::int64_t rows = type.shape[axis];
  const std::int64_t columns = type.elements() / (blocks * rows);
  for (std::int64_t block = 0; block < blocks; ++block) {
    for (std::int64_t row = begin; row < std::min(end, rows); ++row) visit(row, (block * rows + row) * columns, columns);
  }
}

struct RowError {
  double largest = 0;     ///< of |got - expected| / max(|expected|, rms of its row); NaN where something is not finite
  std::int64_t row = -1;  ///< in which it was found
};

/// The largest error of any element of these rows (for_rows). A row counts by its own size, so that a wrong row of small values
/// does not hide behind one of large values. The last `logarithms` columns are logarithms of weights: of them the difference
/// counts, since it is a factor. `got` may end after these rows.
[[nodiscard]] RowError largest_row_error(const HostTensor<float>& got, const HostTensor<float>& expected, std::size_t axis,
                                         std::int64_t begin, std::int64_t end, std::int64_t logarithms = 0);

}  // namespace nntune::reference
