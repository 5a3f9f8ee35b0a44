#include "compiler/tokenizer/utf8.h"

#include <algorithm>
#include <cassert>

namespace nntune::tokenizer {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

unsigned byte_at(std::string_view bytes, std::size_t i) { return static_cast<unsigned char>(bytes[i]); }

}  // namespace

Utf8Unit read_utf8(std::string_view bytes) {
  assert(!bytes.empty());
  using Kind = Utf8Unit::Kind;
  const unsigned lead = byte_at(bytes, 0);
  if (lead < 0x80) return {Kind::character, 1, static_cast<char32_t>(lead)};
  if (lead < 0xC2 || lead > 0xF4) return {Kind::broken, 1, 0};
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte alone keeps out overlong forms, surrogates and values above U+10FFFF.
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  char32_t code_point = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if (i == bytes.size()) return {Kind::incomplete, i, 0};
    const unsigned next = byte_at(bytes, i);
    if (next < (i == 1 ? low : 0x80) || next > (i == 1 ? high : 0xBF)) return {Kind::broken, i, 0};
    code_point = (code_point << 6) | (next & 0x3F);
  }
  return {Kind::character, length, code_point};
}

std::size_t find_malformed_utf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const Utf8Unit unit = read_utf8(bytes.substr(at));
    if (unit.kind != Utf8Unit::Kind::character) return at;
    at += unit.bytes;
  }
  return std::string_view::npos;
}

std::size_t incomplete_utf8_suffix(std::string_view bytes) {
  // A lead byte among the last three decides; what stands before it cannot change the answer.
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, bytes.size()); ++back) {
    const unsigned byte = byte_at(bytes, bytes.size() - back);
    if (byte < 0x80) return 0;
    if (byte < 0xC0) continue;
    return read_utf8(bytes.substr(bytes.size() - back)).kind == Utf8Unit::Kind::incomplete ? back : 0;
  }
  return 0;
}

std::string replace_malformed_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const Utf8Unit unit = read_utf8(bytes);
    text += unit.kind == Utf8Unit::Kind::character ? bytes.substr(0, unit.bytes) : kReplacement;
    bytes.remove_prefix(unit.bytes);
  }
  return text;
}

void append_utf8(std::string& text, char32_t code_point) {
  assert(code_point <= 0x10FFFF);
  const auto put = [&](char32_t value) { text += static_cast<char>(static_cast<unsigned char>(value)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

}  // namespace nntune::tokenizer
