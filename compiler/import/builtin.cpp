#include "compiler/import/builtin.h"

#include <array>

namespace nntune::import {
namespace {

/// What differs between the sizes; config.json of the Hugging Face repositories Qwen/Qwen3-*.
constexpr ModelConfig qwen3(std::int64_t hidden, std::int64_t layers, std::int64_t heads, std::int64_t intermediate,
                            bool tied) {
  return {.hidden = hidden,
          .layers = layers,
          .heads = heads,
          .kv_heads = 8,
          .head_dim = 128,
          .intermediate = intermediate,
          .vocab = 151936,
          .max_positions = 40960,
          .rms_eps = 1e-6,
          .rope_theta = 1e6,
          .tied = tied};
}

constexpr std::array<BuiltinModel, 6> kModels = {{
    {"qwen3-0.6b", qwen3(1024, 28, 16, 3072, true)},
    {"qwen3-1.7b", qwen3(2048, 28, 16, 6144, true)},
    {"qwen3-4b", qwen3(2560, 36, 32, 9728, true)},
    {"qwen3-8b", qwen3(4096, 36, 32, 12288, false)},
    {"qwen3-14b", qwen3(5120, 40, 40, 17408, false)},
    {"qwen3-32b", qwen3(5120, 64, 64, 25600, false)},
}};

}  // namespace

std::span<const BuiltinModel> builtin_models() { return kModels; }

std::optional<ModelConfig> find_builtin(std::string_view name) {
  for (const BuiltinModel& model : kModels) {
    if (model.name == name) return model.config;
  }
  return std::nullopt;
}

std::string builtin_names() {
  std::string names;
  for (const BuiltinModel& model : kModels) names.append(names.empty() ? "" : ", ").append(model.name);
  return names;
}

}  // namespace nntune::import
