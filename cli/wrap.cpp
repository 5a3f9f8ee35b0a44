#include "cli/wrap.h"

namespace nntune::cli {

std::vector<std::string> wrap(std::string text, std::size_t columns) {
  std::vector<std::string> lines;
  std::string indent;
  while (indent.size() + text.size() > columns) {
    std::size_t cut = text.find_last_of(" |,", columns - indent.size() - 1);
    cut = cut == std::string::npos || cut == 0 ? columns - indent.size() : cut + 1;
    lines.push_back(indent + text.substr(0, text.find_last_not_of(' ', cut - 1) + 1));
    text.erase(0, cut);
    indent = "    ";
  }
  lines.push_back(indent + text);
  return lines;
}

std::string wrapped(const std::string& text, const std::string& indent, std::size_t columns) {
  std::string out;
  for (const std::string& line : wrap(text, columns - indent.size())) out += indent + line + "\n";
  return out;
}

std::string minute_of(const std::string& time) {
  std::string text = time.substr(0, 16);
  if (text.size() > 10) text[10] = ' ';
  return text;
}

}  // namespace nntune::cli
