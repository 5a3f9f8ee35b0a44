#include "compiler/import/config_fields.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json.h"

namespace nntune::import {
namespace {

constexpr const char* kHint = "take the config.json that belongs to the model";

}  // namespace

Expected<std::int64_t> ConfigFields::integer(const char* field, std::int64_t low, std::int64_t high) const {
  NNTUNE_ASSIGN(const double value, number(field));
  if (value != std::floor(value)) return bad(field, "must be a whole number");
  if (value < static_cast<double>(low) || value > static_cast<double>(high)) {
    return bad(field, fmt::format("must be {} to {}", low, high));
  }
  return static_cast<std::int64_t>(value);
}

Expected<double> ConfigFields::number(const char* field) const {
  const Json* value = find(field);
  if (value == nullptr) return missing(field);
  if (!value->is_number()) return bad(field, "must be a number");
  return value->get<double>();
}

Expected<bool> ConfigFields::boolean(const char* field, bool otherwise) const {
  const Json* value = find(field);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) return bad(field, "must be true or false");
  return value->get<bool>();
}

Expected<std::string> ConfigFields::string(const char* field, const char* otherwise) const {
  const Json* value = find(field);
  if (value == nullptr) return std::string(otherwise);
  if (!value->is_string()) return bad(field, "must be a string");
  return value->get<std::string>();
}

Expected<ConfigFields> ConfigFields::object(const char* field) const {
  const Json* value = find(field);
  if (value == nullptr) return missing(field);
  if (!value->is_object()) return bad(field, "must be an object");
  return ConfigFields(*value, fmt::format("\"{}\" of {}", field, origin_));
}

const Json* ConfigFields::find(const char* field) const {
  const auto found = json_->find(field);
  return found == json_->end() || found->is_null() ? nullptr : &*found;
}

tl::unexpected<Error> ConfigFields::missing(const char* field) const {
  return fail(ErrorKind::bad_input, fmt::format("{} has no field \"{}\"", origin_, field), kHint);
}

tl::unexpected<Error> ConfigFields::bad(const char* field, std::string_view why) const {
  return fail(ErrorKind::bad_input, fmt::format("{}: \"{}\" is {}, {}", origin_, field, shown(field), why), kHint);
}

tl::unexpected<Error> ConfigFields::unsupported(const char* field) const {
  return fail(
      ErrorKind::unsupported,
      fmt::format("{}: \"{}\" is {}, which changes the mathematics and is not implemented", origin_, field, shown(field)),
      "use a model without it");
}

/// The value, cut to what fits a line. Lists and objects are only named: they may be nested without end, and dump() recurses.
/// Invalid UTF-8 is replaced.
std::string ConfigFields::shown(const char* field) const {
  const Json& value = json_->at(field);
  if (value.is_structured()) return value.is_array() ? "a list" : "an object";
  const std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

}  // namespace nntune::import
