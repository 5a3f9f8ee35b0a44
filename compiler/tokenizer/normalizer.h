/// Unicode normalization form C (Unicode Standard Annex 15), with utf8proc's tables.
#pragma once

#include <string>
#include <string_view>

namespace nntune::tokenizer {

/// The NFC of well-formed UTF-8, in linear time but for the sorting of runs of marks, which is n log n.
[[nodiscard]] std::string to_nfc(std::string_view text);

}  // namespace nntune::tokenizer
