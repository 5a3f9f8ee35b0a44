#include "base/huge_page_mode.h"

#include <fstream>

namespace nntune {

std::string chosen_word(const std::string& choices) {
  const std::size_t open = choices.find('[');
  const std::size_t close = choices.find(']', open == std::string::npos ? 0 : open);
  if (open == std::string::npos || close == std::string::npos) return "";
  return choices.substr(open + 1, close - open - 1);
}

std::string huge_page_mode() {
  std::string choices;
  std::getline(std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled"), choices);
  return chosen_word(choices);
}

}  // namespace nntune
