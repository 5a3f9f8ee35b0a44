#include "compiler/runtime/rope_table.h"

#include <cmath>

namespace nntune::runtime {

void fill_rope_table(const RopeInfo& rope, std::span<float> table) {
  const std::size_t half = rope.frequencies.size();
  const std::size_t positions = table.size() / (2 * half);
  float* row = table.data();
  for (std::size_t position = 0; position < positions; ++position, row += 2 * half) {
    for (std::size_t i = 0; i < half; ++i) {
      // In double: at position 4096 a float angle would be off by 2e-4.
      const double angle = static_cast<double>(position) * rope.frequencies[i];
      row[i] = static_cast<float>(rope.attention_factor * std::cos(angle));
      row[half + i] = static_cast<float>(rope.attention_factor * std::sin(angle));
    }
  }
}

}  // namespace nntune::runtime
