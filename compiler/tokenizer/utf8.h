/// UTF-8 as bytes: where it is well formed, where it breaks, where it only stops early (Unicode 15, table 3-7).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nntune::tokenizer {

/// What stands at the start of some bytes.
struct Utf8Unit {
  enum class Kind {
    character,   ///< one well-formed character
    broken,      ///< bytes that no following byte can complete (one "maximal subpart" of the standard)
    incomplete,  ///< the beginning of a character, cut off by the end of the bytes
  };
  Kind kind = Kind::character;
  std::size_t bytes = 0;    ///< length of the unit, at least 1
  char32_t code_point = 0;  ///< of a character
};

/// Reads the unit at the start of `bytes`, which must not be empty.
[[nodiscard]] Utf8Unit read_utf8(std::string_view bytes);

/// Offset of the first byte that is no part of a well-formed character; npos if there is none.
[[nodiscard]] std::size_t find_malformed_utf8(std::string_view bytes);

/// Number of trailing bytes (0..3) that may still become a character when more bytes follow.
[[nodiscard]] std::size_t incomplete_utf8_suffix(std::string_view bytes);

/// The text with U+FFFD in place of each malformed unit, as decoders of the WHATWG encoding standard do.
[[nodiscard]] std::string replace_malformed_utf8(std::string_view bytes);

void append_utf8(std::string& text, char32_t code_point);

}  // namespace nntune::tokenizer
