#include "compiler/tokenizer/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "compiler/tokenizer/utf8.h"

namespace nntune::tokenizer {
namespace {

/// Of utf8proc its tables are used, character by character. Its own normal form takes quadratic time in the length of a run of
/// marks, and loses U+11A7 (utf8proc 2.8), which stands before the first trailing consonant and composes with nothing.
constexpr utf8proc_int32_t kBeforeTrailingConsonants = 0x11A7;

using CodePoints = std::vector<utf8proc_int32_t>;

utf8proc_propval_t combining_class(utf8proc_int32_t code_point) {
  return utf8proc_get_property(code_point)->combining_class;
}

/// Appends the full canonical decomposition.
void decompose(utf8proc_int32_t code_point, CodePoints& decomposed) {
  constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
  std::array<utf8proc_int32_t, 8> parts{};  // the longest has four
  const utf8proc_ssize_t count = utf8proc_decompose_char(code_point, parts.data(), parts.size(), kOptions, nullptr);
  decomposed.insert(decomposed.end(), parts.begin(), parts.begin() + count);
}

/// Sorts each run of marks by its combining class; marks of one class keep their order (Unicode, D109).
void order_marks(CodePoints& text) {
  const auto is_mark = [](utf8proc_int32_t code_point) { return combining_class(code_point) != 0; };
  for (auto at = text.begin(); at != text.end();) {
    const auto begin = std::find_if(at, text.end(), is_mark);
    at = std::find_if_not(begin, text.end(), is_mark);
    std::stable_sort(begin, at, [](auto a, auto b) { return combining_class(a) < combining_class(b); });
  }
}

/// The character that these two are the canonical decomposition of, 0 if there is none (Unicode, D114).
utf8proc_int32_t composite(utf8proc_int32_t first, utf8proc_int32_t second) {
  constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  if (second == kBeforeTrailingConsonants) return 0;
  std::array<utf8proc_int32_t, 2> pair = {first, second};
  return utf8proc_normalize_utf32(pair.data(), pair.size(), kOptions) == 1 ? pair[0] : 0;
}

/// Each character joins the last starter before it if they have a composite and nothing between them blocks it (Unicode, D115 and
/// D117).
CodePoints compose(std::span<const utf8proc_int32_t> text) {
  CodePoints composed;
  composed.reserve(text.size());
  constexpr std::size_t kNone = ~std::size_t{0};
  std::size_t starter = kNone;
  int highest_class = -1;  // of what stands behind the starter
  for (const utf8proc_int32_t code_point : text) {
    const int own_class = combining_class(code_point);
    if (starter != kNone && own_class > highest_class) {
      if (const utf8proc_int32_t joined = composite(composed[starter], code_point); joined != 0) {
        composed[starter] = joined;
        continue;
      }
    }
    highest_class = own_class;
    if (own_class == 0) {
      starter = composed.size();
      highest_class = -1;
    }
    composed.push_back(code_point);
  }
  return composed;
}

void append_nfc(std::string_view text, std::string& result) {
  CodePoints decomposed;
  decomposed.reserve(text.size() / 2);
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Unit unit = read_utf8(text.substr(at));
    decompose(static_cast<utf8proc_int32_t>(unit.code_point), decomposed);
    at += unit.bytes;
  }
  order_marks(decomposed);
  for (const utf8proc_int32_t code_point : compose(decomposed)) append_utf8(result, static_cast<char32_t>(code_point));
}

}  // namespace

std::string to_nfc(std::string_view text) {
  // What is below U+0300 stays as it is but for marks behind it, and joins nothing before it. Its lead bytes are below 0xCC.
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i) { return byte(i) >= 0x80 && byte(i) < 0xC0; };
  std::string result;
  result.reserve(text.size());
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (byte(i) < 0xCC) {
      ++i;
      continue;
    }
    std::size_t begin = i;
    while (begin > done && continues(--begin)) {
    }
    while (i < text.size() && (continues(i) || byte(i) >= 0xCC)) ++i;
    result += text.substr(done, begin - done);
    append_nfc(text.substr(begin, i - begin), result);
    done = i;
  }
  result += text.substr(done);
  return result;
}

}  // namespace nntune::tokenizer
