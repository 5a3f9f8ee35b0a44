/// JSON in and out, with parse errors as values.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "base/json_fwd.h"

namespace nntune {

/// Parses `text`; `name` says in the error where it came from.
[[nodiscard]] Expected<Json> parse_json(std::string_view text, std::string_view name);

/// Reads and parses a whole file.
[[nodiscard]] Expected<Json> read_json(const std::filesystem::path& path);

}  // namespace nntune
