#include "compiler/graph/text.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace nntune::graph {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  if (text.empty()) return pieces;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == separator && depth == 0) {
      pieces.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    } else if (c == '[' || c == '<' || c == '(' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '>' || c == ')' || c == '}') {
      --depth;
    }
  }
  pieces.push_back(text.substr(begin));
  return pieces;
}

Expected<std::int64_t> parse_integer(std::string_view text, std::string_view what) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(ErrorKind::bad_input, fmt::format("{} is \"{}\", not an integer", what, text));
  }
  return value;
}

Expected<double> parse_real(std::string_view text, std::string_view what) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return fail(ErrorKind::bad_input, fmt::format("{} is \"{}\", not a number", what, text));
  }
  return value;
}

}  // namespace nntune::graph
