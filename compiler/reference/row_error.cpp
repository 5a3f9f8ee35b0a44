#include "compiler/reference/row_error.h"

#include <cmath>
#include <limits>

namespace nntune::reference {

RowError largest_row_error(const HostTensor<float>& got, const HostTensor<float>& expected, std::size_t axis,
                           std::int64_t begin, std::int64_t end, std::int64_t logarithms) {
  RowError worst;
  for_rows(expected.type, axis, begin, end, [&](std::int64_t row, std::int64_t offset, std::int64_t columns) {
    if (std::isnan(worst.largest)) return;
    const float* want = expected.values.data() + offset;
    const float* have = got.values.data() + offset;
    const std::int64_t means = columns - logarithms;
    double squares = 0;
    for (std::int64_t i = 0; i < means; ++i) squares += static_cast<double>(want[i]) * want[i];
    const double rms = std::sqrt(squares / static_cast<double>(means));
    for (std::int64_t i = 0; i < columns; ++i) {
      const double error = std::abs(static_cast<double>(have[i]) - want[i]);
      const double scale = i < means ? std::max<double>(std::abs(want[i]), rms) : 1;
      const double relative = error > 0 ? error / scale : error;  // 0 of 0 is right
      if (std::isfinite(error) && relative <= worst.largest) continue;
      worst = {.largest = std::isfinite(error) ? relative : std::numeric_limits<double>::quiet_NaN(), .row = row};
      if (std::isnan(worst.largest)) return;
    }
  });
  return worst;
}

}  // namespace nntune::reference
