/// The byte-level alphabet of GPT-2: each byte is spelled as one printable character, so that JSON can hold any bytes.
///
/// Bytes that print in Latin-1 (0x21..0x7E, 0xA1..0xAC, 0xAE..0xFF) stand for themselves; the other 68, in rising order,
/// are U+0100, U+0101, ... A space is therefore "Ġ" (U+0120) and a newline "Ċ" (U+010A).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nntune::tokenizer {

/// The bytes that `spelled` (UTF-8) stands for; nothing if it has a character outside the alphabet.
[[nodiscard]] std::optional<std::string> bytes_from_alphabet(std::string_view spelled);

/// The inverse: one character a byte, as UTF-8.
[[nodiscard]] std::string bytes_to_alphabet(std::string_view bytes);

}  // namespace nntune::tokenizer
