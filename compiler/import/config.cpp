#include "compiler/import/config.h"

#include <fmt/format.h>

#include "base/json.h"
#include "compiler/import/family.h"

namespace nntune::import {
namespace {

tl::unexpected<Error> no_family(const std::string& name, const std::string& origin) {
  const bool moe = name.find("moe") != std::string::npos || name.find("Moe") != std::string::npos;
  return fail(ErrorKind::unsupported,
              fmt::format("{} describes \"{}\"{}", origin, name, moe ? ", a mixture of experts" : ""),
              fmt::format("only {} models are supported", family_names()));
}

/// By "model_type", "architectures", or both where they are given; then they must agree.
Expected<const ModelFamily*> recognise(const ConfigFields& fields) {
  NNTUNE_ASSIGN(const std::string model_type, fields.string("model_type", ""));
  const Json* architectures = fields.find("architectures");
  if (model_type.empty() && architectures == nullptr) return fields.missing("model_type");
  const ModelFamily* family = find_family(model_type);
  if (!model_type.empty() && family == nullptr) return no_family(model_type, fields.origin());
  if (architectures == nullptr) return family;
  if (!architectures->is_array() || architectures->empty() || !architectures->front().is_string()) {
    return fields.bad("architectures", "must be a list of names");
  }
  const auto architecture = architectures->front().get<std::string>();
  for (const ModelFamily* each : families()) {
    if (each->architecture == architecture && (family == nullptr || family == each)) return each;
  }
  return no_family(architecture, fields.origin());
}

}  // namespace

Expected<ModelConfig> parse_config(const Json& json, std::string_view origin) {
  if (!json.is_object()) {
    return fail(ErrorKind::bad_input, fmt::format("{} is not a JSON object", origin),
                "take the config.json that belongs to the model");
  }
  const ConfigFields fields(json, std::string(origin));
  NNTUNE_ASSIGN(const ModelFamily* const family, recognise(fields));
  NNTUNE_ASSIGN(ModelConfig config, family->read(fields));
  config.family = family;
  return config;
}

}  // namespace nntune::import
