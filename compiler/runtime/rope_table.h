/// The table of the rotary embedding that kernels read.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace nntune::runtime {

/// How far each pair of columns turns a position.
struct RopeInfo {
  std::vector<double> frequencies;  ///< radians a position
  double attention_factor = 1;      ///< of cos and sin

  [[nodiscard]] std::int64_t columns() const { return 2 * static_cast<std::int64_t>(frequencies.size()); }
};

/// Rows 0, 1, ... as many as fill `table`, each of columns(): row p is factor * cos(p f_i) for all i, then factor * sin(p f_i).
void fill_rope_table(const RopeInfo& rope, std::span<float> table);

}  // namespace nntune::runtime
