/// The published sizes of the families (family.h), known by name.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "compiler/import/config.h"

namespace nntune::import {

struct BuiltinModel {
  std::string_view name;  ///< e.g. "qwen3-0.6b"
  ModelConfig config;
};

/// All of them, family by family, the smallest of each first.
[[nodiscard]] std::span<const BuiltinModel> builtin_models();

[[nodiscard]] std::optional<ModelConfig> find_builtin(std::string_view name);

/// "qwen3-0.6b, qwen3-1.7b, ..." for messages.
[[nodiscard]] std::string builtin_names();

}  // namespace nntune::import
