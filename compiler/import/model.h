/// A model as the commands take it: a built-in name or a Hugging Face folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "compiler/import/config.h"
#include "compiler/import/weights.h"

namespace nntune::import {

struct Model {
  std::string name;  ///< the built-in name, or the last part of the folder's path
  ModelConfig config;
  std::shared_ptr<const WeightSource> weights;
  std::string tokenizer_json;         ///< text of tokenizer.json, "" if there is none
  std::vector<std::int64_t> eos_ids;  ///< tokens that end a text, perhaps none
};

/// How much of the weights is looked at before the model is handed out.
enum class Check {
  shapes,  ///< headers only
  all,     ///< every value, for NaN and infinity
};

/// Loads `name_or_folder`. A built-in name takes its weights from `weights_folder` (whose config.json, if there, must
/// agree), or else random ones; a folder must have its own, or takes those of `weights_folder`.
///
/// A name that is neither built in nor a folder is bad_input, and the message lists the known names.
[[nodiscard]] Expected<Model> load_model(const std::string& name_or_folder,
                                         const std::optional<std::filesystem::path>& weights_folder = std::nullopt,
                                         Check check = Check::all);

}  // namespace nntune::import
