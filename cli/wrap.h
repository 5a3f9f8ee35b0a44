/// Text in lines of a terminal.
#pragma once

#include <string>
#include <vector>

namespace nntune::cli {

/// The text in lines of at most `columns`, cut behind spaces, bars or commas where possible; all but the first indented.
[[nodiscard]] std::vector<std::string> wrap(std::string text, std::size_t columns);

/// The same as one text, each line behind `indent`, with a newline at its end.
[[nodiscard]] std::string wrapped(const std::string& text, const std::string& indent, std::size_t columns = 80);

/// "2025-03-09 14:05" of an ISO time.
[[nodiscard]] std::string minute_of(const std::string& time);

}  // namespace nntune::cli
