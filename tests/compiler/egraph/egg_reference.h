/// What egg 0.11 makes of its own languages, ../shared/egraphs/egg_reference.json.
#pragma once

#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "tests/support/shared_data.h"

namespace nntune::egraph {

inline std::filesystem::path reference_file() { return test_support::shared_folder() / "egraphs/egg_reference.json"; }

/// Null where it is missing.
inline const Json& reference() {
  static const Json json = [] {
    std::ifstream file(reference_file());
    return file ? Json::parse(file) : Json();
  }();
  return json;
}

}  // namespace nntune::egraph
