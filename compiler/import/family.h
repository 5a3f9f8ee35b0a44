/// A family of models: all that nntune must know to import one. One file a family, listed in family.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "compiler/graph/graph.h"
#include "compiler/import/builtin.h"
#include "compiler/import/config.h"
#include "compiler/import/config_fields.h"
#include "compiler/import/weight_list.h"

namespace nntune::import {

class LayerBuilder;

struct ModelFamily {
  std::string_view model_type;    ///< "model_type" of config.json, e.g. "qwen3"; the family's name
  std::string_view architecture;  ///< first of "architectures", e.g. "Qwen3ForCausalLM"
  std::string_view title;         ///< for people, before "model": "dense Qwen3"

  /// The config without `family`. Refuses what would silently give other results.
  Expected<ModelConfig> (*read)(const ConfigFields& fields);
  /// Every tensor, for the graph, for reading folders and for random weights.
  WeightList (*weights)(const ModelConfig& config);
  /// One layer, x -> x (layer_builder.h): the plain mathematics, one operation after the other; rewrites make it fast.
  graph::NodeId (*layer)(LayerBuilder& b, graph::NodeId x);
  /// The sizes that are known by name, the smallest first; without `family`.
  std::vector<BuiltinModel> (*sizes)();
};

/// All of them.
[[nodiscard]] std::span<const ModelFamily* const> families();

/// By model_type; nullptr if there is none.
[[nodiscard]] const ModelFamily* find_family(std::string_view model_type);

/// "dense Qwen3, Llama and Qwen2" for messages.
[[nodiscard]] std::string family_names();

}  // namespace nntune::import
