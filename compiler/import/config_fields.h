/// The fields of a config.json, read with errors that name the field and the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json_fwd.h"

namespace nntune::import {

class ConfigFields {
 public:
  /// \param json    an object, which must outlive this
  /// \param origin  names it in errors, e.g. the path of the file
  ConfigFields(const Json& json, std::string origin) : json_(&json), origin_(std::move(origin)) {}

  /// A required whole number in [low, high]; 5.0 counts as 5.
  [[nodiscard]] Expected<std::int64_t> integer(const char* field, std::int64_t low, std::int64_t high) const;
  /// Required.
  [[nodiscard]] Expected<double> number(const char* field) const;
  [[nodiscard]] Expected<bool> boolean(const char* field, bool otherwise) const;
  [[nodiscard]] Expected<std::string> string(const char* field, const char* otherwise) const;
  /// Required; reads from this object as long as it lives.
  [[nodiscard]] Expected<ConfigFields> object(const char* field) const;
  /// nullptr if the field is absent or null.
  [[nodiscard]] const Json* find(const char* field) const;

  [[nodiscard]] const std::string& origin() const { return origin_; }

  /// Errors: the field is missing; its value is not possible; its value means mathematics that is not implemented.
  [[nodiscard]] tl::unexpected<Error> missing(const char* field) const;
  [[nodiscard]] tl::unexpected<Error> bad(const char* field, std::string_view why) const;
  [[nodiscard]] tl::unexpected<Error> unsupported(const char* field) const;

 private:
  [[nodiscard]] std::string shown(const char* field) const;

  const Json* json_;
  std::string origin_;
};

}  // namespace nntune::import
