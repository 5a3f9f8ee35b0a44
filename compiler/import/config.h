/// The numbers of a model: what all families have, and which family it is of.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/json_fwd.h"
#include "compiler/import/rope.h"

namespace nntune::import {

struct ModelFamily;

struct ModelConfig {
  const ModelFamily* family = nullptr;  ///< one of families(); never null in a config that was read or built in
  std::int64_t hidden = 0;              ///< width of the residual stream
  std::int64_t layers = 0;
  std::int64_t heads = 0;         ///< query heads
  std::int64_t kv_heads = 0;      ///< divides heads
  std::int64_t head_dim = 0;      ///< even; not always hidden / heads
  std::int64_t intermediate = 0;  ///< width of the MLP
  std::int64_t vocab = 0;
  std::int64_t max_positions = 0;
  double rms_eps = 1e-6;
  Rope rope = {};
  bool tied = false;  ///< the output matrix is the embedding

  bool operator==(const ModelConfig&) const = default;
};

/// Reads a Hugging Face config.json. `origin` names it in errors.
///
/// bad_input: a field is missing, of the wrong type or out of range. unsupported: a model of no family that is known, or a
/// field that changes the mathematics and is not implemented (quantization_config, a sliding window, attention_bias, ...).
[[nodiscard]] Expected<ModelConfig> parse_config(const Json& json, std::string_view origin);

}  // namespace nntune::import
