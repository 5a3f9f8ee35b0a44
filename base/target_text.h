/// A target for people to read.
#pragma once

#include "base/target.h"

#include <string>

namespace nntune {

/// A few lines of at most 80 columns: features, caches, peaks, bandwidths; ends with a newline. Says so when the numbers
/// are defaults and not measured.
[[nodiscard]] std::string render_target(const Target& target);

}  // namespace nntune
