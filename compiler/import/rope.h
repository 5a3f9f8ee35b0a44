/// Rotary position embedding: how far each pair of columns turns a position, worked out once at import.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "compiler/import/config_fields.h"

namespace nntune::import {

/// What the table of graph::StepKind::rope is made of: row p is factor * cos(p f_i), then factor * sin(p f_i).
struct Rope {
  std::vector<double> frequencies;  ///< radians a position of each pair of columns (i, i + size)
  double attention_factor = 1;      ///< of cos and sin

  bool operator==(const Rope&) const = default;
};

/// theta^(-2i/head_dim) for i < head_dim/2 (Su et al., RoFormer, arXiv:2104.09864).
[[nodiscard]] Rope plain_rope(double theta, std::int64_t head_dim);

/// The scaling of Llama 3.1, "llama3" of transformers: what turns once in less than original_positions / high_freq_factor stays,
/// what needs more than original_positions / low_freq_factor is slowed down by `factor`, and between them lies a smooth blend.
struct Llama3Scaling {
  double factor = 1;                 ///< at least 1
  double low_freq_factor = 1;        ///< above 0
  double high_freq_factor = 4;       ///< above low_freq_factor
  double original_positions = 8192;  ///< that the model was trained for before it was stretched
};
[[nodiscard]] Rope llama3_rope(double theta, std::int64_t head_dim, const Llama3Scaling& scaling);

/// From "rope_theta" and "rope_scaling", or both in "rope_parameters" as transformers 5 writes them.
///
/// Errors: bad_input; unsupported where the kind of scaling is neither "default" nor "llama3".
[[nodiscard]] Expected<Rope> read_rope(const ConfigFields& fields, std::int64_t head_dim);

}  // namespace nntune::import
