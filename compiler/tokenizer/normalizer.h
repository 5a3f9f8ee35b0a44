/// Unicode normalization form C, by utf8proc.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace nntune::tokenizer {

/// The NFC of well-formed UTF-8. Fails only when memory runs out.
[[nodiscard]] Expected<std::string> to_nfc(std::string_view text);

}  // namespace nntune::tokenizer
