#include "compiler/tokenizer/byte_alphabet.h"

#include <array>
#include <cstdint>

#include "compiler/tokenizer/utf8.h"

namespace nntune::tokenizer {
namespace {

constexpr bool prints_in_latin1(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr char32_t kAlphabetEnd = 0x100 + 68;  // first code point behind the alphabet

constexpr std::array<char32_t, 256> kCharacterOfByte = [] {
  std::array<char32_t, 256> table{};
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) table[byte] = prints_in_latin1(byte) ? byte : next++;
  return table;
}();

constexpr std::array<std::int16_t, kAlphabetEnd> kByteOfCharacter = [] {
  std::array<std::int16_t, kAlphabetEnd> table{};
  table.fill(-1);
  for (unsigned byte = 0; byte < 256; ++byte) table[kCharacterOfByte[byte]] = static_cast<std::int16_t>(byte);
  return table;
}();

}  // namespace

std::optional<std::string> bytes_from_alphabet(std::string_view spelled) {
  std::string bytes;
  bytes.reserve(spelled.size());
  while (!spelled.empty()) {
    const Utf8Unit unit = read_utf8(spelled);
    if (unit.kind != Utf8Unit::Kind::character || unit.code_point >= kAlphabetEnd) return std::nullopt;
    const std::int16_t byte = kByteOfCharacter[unit.code_point];
    if (byte < 0) return std::nullopt;
    bytes += static_cast<char>(static_cast<unsigned char>(byte));
    spelled.remove_prefix(unit.bytes);
  }
  return bytes;
}

std::string bytes_to_alphabet(std::string_view bytes) {
  std::string spelled;
  spelled.reserve(2 * bytes.size());
  for (const char byte : bytes) append_utf8(spelled, kCharacterOfByte[static_cast<unsigned char>(byte)]);
  return spelled;
}

}  // namespace nntune::tokenizer
