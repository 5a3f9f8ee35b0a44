/// Small readers for the canonical texts of types, operations and workloads.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace nntune::graph {

/// Cuts at each `separator` outside of brackets ([], <>, (), {}); "" gives no pieces.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

/// The whole of `text` as a decimal number; `what` names it in the error.
[[nodiscard]] Expected<std::int64_t> parse_integer(std::string_view text, std::string_view what);
[[nodiscard]] Expected<double> parse_real(std::string_view text, std::string_view what);

}  // namespace nntune::graph
