#include "compiler/import/builtin.h"

#include "compiler/import/family.h"

namespace nntune::import {

std::span<const BuiltinModel> builtin_models() {
  static const std::vector<BuiltinModel> kModels = [] {
    std::vector<BuiltinModel> models;
    for (const ModelFamily* family : families()) {
      for (BuiltinModel& model : family->sizes()) {
        model.config.family = family;
        models.push_back(std::move(model));
      }
    }
    return models;
  }();
  return kModels;
}

std::optional<ModelConfig> find_builtin(std::string_view name) {
  for (const BuiltinModel& model : builtin_models()) {
    if (model.name == name) return model.config;
  }
  return std::nullopt;
}

std::string builtin_names() {
  std::string names;
  for (const BuiltinModel& model : builtin_models()) names.append(names.empty() ? "" : ", ").append(model.name);
  return names;
}

}  // namespace nntune::import
