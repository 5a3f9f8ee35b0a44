/// The numbers of a Qwen3 dense model.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace nntune::import {

struct ModelConfig {
  std::int64_t hidden = 0;  ///< width of the residual stream
  std::int64_t layers = 0;
  std::int64_t heads = 0;         ///< query heads
  std::int64_t kv_heads = 0;      ///< divides heads
  std::int64_t head_dim = 0;      ///< even; not always hidden / heads
  std::int64_t intermediate = 0;  ///< width of the MLP
  std::int64_t vocab = 0;
  std::int64_t max_positions = 0;
  double rms_eps = 1e-6;
  double rope_theta = 1e6;
  bool tied = false;  ///< the output matrix is the embedding

  bool operator==(const ModelConfig&) const = default;
};

/// One tensor of the model, or one of each layer when the name begins with "layers.*.".
struct WeightSpec {
  std::string name;  ///< e.g. "embed_tokens", "layers.*.q_proj"
  std::vector<std::int64_t> shape;

  [[nodiscard]] bool per_layer() const { return name.starts_with("layers.*."); }
  [[nodiscard]] std::int64_t rows() const { return shape.size() == 1 ? 1 : shape[0]; }
  [[nodiscard]] std::int64_t columns() const { return shape.back(); }
};

/// Reads a Hugging Face config.json. `origin` names it in errors.
///
/// bad_input: a field is missing, of the wrong type or out of range. unsupported: another architecture, or a field that
/// changes the mathematics and is not implemented (rope_scaling, quantization_config, sliding window, biases, ...).
[[nodiscard]] Expected<ModelConfig> parse_config(const Json& json, std::string_view origin);

/// Every tensor of the model, in the order of use.
[[nodiscard]] std::vector<WeightSpec> weight_specs(const ModelConfig& config);

/// Number of weights of the model.
[[nodiscard]] std::int64_t parameter_count(const ModelConfig& config);

/// The table of StepKind::rope for positions 0 .. positions: row p is cos(p f_i) for i < head_dim/2, then sin(p f_i), with
/// f_i = rope_theta^(-2i/head_dim). Computed in double; [positions, head_dim]
[[nodiscard]] std::vector<float> rope_table(const ModelConfig& config, std::int64_t positions);

}  // namespace nntune::import
