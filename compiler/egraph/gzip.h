/// gzip (RFC 1952), read.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace nntune::egraph {

[[nodiscard]] inline bool is_gzip(std::string_view data) { return data.starts_with("\x1f\x8b"); }

/// The content of all members of `data`. `name` says in the error where it came from. Errors: bad_input (damaged, cut off, or
/// more than `most_bytes`).
[[nodiscard]] Expected<std::string> gunzip(std::string_view data, std::string_view name,
                                           std::size_t most_bytes = std::size_t{4} << 30);

}  // namespace nntune::egraph
