/// What the dense decoders of Hugging Face (Llama, Qwen2, Qwen3) have in common; each family's file says the rest.
#pragma once

#include <vector>

#include "base/error.h"
#include "compiler/import/config.h"
#include "compiler/import/config_fields.h"
#include "compiler/import/weight_list.h"

namespace nntune::import {

/// Where the width of a head comes from.
enum class HeadDim {
  required,   ///< the field "head_dim"
  or_hidden,  ///< that field, or else hidden / heads
};

/// The fields that all of them have. Refuses the settings of others (quantised weights, sliding windows, biases, ...).
[[nodiscard]] Expected<ModelConfig> read_dense_config(const ConfigFields& fields, HeadDim head_dim);

/// Embedding, norms before attention and MLP, their seven matrices, final norm, and the output matrix unless it is tied; in the
/// order of use, `attention` (what a family has beside its projections to q, k and v) behind those.
[[nodiscard]] WeightList dense_weights(const ModelConfig& config, std::vector<WeightSpec> attention);

}  // namespace nntune::import
