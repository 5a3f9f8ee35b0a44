/// What egg 0.11 makes of its own languages, ../shared/egraphs/egg_reference.json.
#pragma once

#include <filesystem>
#include <fstream>

#include "base/json.h"

namespace nntune::egraph {

/// Null where it is missing.
inline const Json& reference() {
  static const Json json = [] {
    std::ifstream file(std::filesystem::path(NNTUNE_SHARED_DIR) / "egraphs/egg_reference.json");
    return file ? Json::parse(file) : Json();
  }();
  return json;
}

}  // namespace nntune::egraph
