/// A text as people give it to a command: itself, in a file, or on standard input.
#pragma once

#include <cstddef>
#include <string>

#include "base/error.h"

namespace nntune::cli {

inline constexpr std::size_t kMostTextBytes = std::size_t{1} << 30;

/// "-" is all of standard input, "@FILE" all of a file (a pipe, too), byte for byte; anything else is the text itself.
/// Errors: io (what cannot be opened or read), bad_input (more than kMostTextBytes).
[[nodiscard]] Expected<std::string> read_text_argument(const std::string& given, std::size_t most_bytes = kMostTextBytes);

}  // namespace nntune::cli
