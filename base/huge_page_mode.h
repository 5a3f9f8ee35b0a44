/// What the system does about transparent huge pages.
#pragma once

#include <string>

namespace nntune {

/// The chosen word of a text such as "always [madvise] never"; "" if there is none.
[[nodiscard]] std::string chosen_word(const std::string& choices);

/// "always", "madvise" or "never"; "" where it cannot be read.
[[nodiscard]] std::string huge_page_mode();

}  // namespace nntune
