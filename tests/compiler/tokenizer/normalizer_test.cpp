#include "compiler/tokenizer/normalizer.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <cstdlib>
#include <ctime>
#include <memory>
#include <random>
#include <vector>

#include "compiler/tokenizer/utf8.h"

namespace nntune::tokenizer {
namespace {

std::string repeated(std::string_view text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

TEST(Normalizer, ComposesCanonicalPairs) {
  EXPECT_EQ(to_nfc("e\u0301"), "\u00e9");
  EXPECT_EQ(to_nfc("\u1100\u1161\u11a8"), "\uac01");
  EXPECT_EQ(to_nfc("\u212b"), "\u00c5") << "the angstrom sign is a letter";
}

TEST(Normalizer, SortsCombiningMarks) { EXPECT_EQ(to_nfc("e\u0301\u0323"), "\u1eb9\u0301"); }

TEST(Normalizer, MarksOfOneClassBlockEachOther) {
  EXPECT_EQ(to_nfc("e\u0302\u0301"), "\u1ebf") << "one after the other";
  EXPECT_EQ(to_nfc("e\u0301\u0302"), "\u00e9\u0302") << "no letter has both in this order";
  EXPECT_EQ(to_nfc("e\u0313\u0301"), "e\u0313\u0301") << "of the class of the acute, and between";
  EXPECT_EQ(to_nfc("e\u0316\u0301"), "\u00e9\u0316") << "of a lower class";
}

TEST(Normalizer, MarksWithoutALetterStay) {
  EXPECT_EQ(to_nfc("\u0301\u0316x"), "\u0316\u0301x");
  EXPECT_EQ(to_nfc("\u0344"), "\u0308\u0301") << "decomposes for good";
}

TEST(Normalizer, LeavesCompatibilityFormsAlone) { EXPECT_EQ(to_nfc("\ufb01 \u2460 \u00b5"), "\ufb01 \u2460 \u00b5"); }

TEST(Normalizer, KeepsZeroBytes) {
  const std::string text = std::string("a\0b", 3) + "\u4e2d" + std::string(1, '\0');
  EXPECT_EQ(to_nfc(text), text);
}

TEST(Normalizer, HangulComposesWithinItsBounds) {
  EXPECT_EQ(to_nfc("\u1112\u1175"), "\ud788") << "the last leading consonant and vowel";
  EXPECT_EQ(to_nfc("\u1112\u1175\u11c2"), "\ud7a3") << "and the last trailing consonant";
  EXPECT_EQ(to_nfc("\uac00\u11a8"), "\uac01") << "the first trailing consonant";
  for (const std::string text : {
           "\uac00\u11a7",        // no trailing consonant: it would be the zeroth
           "\uac00\u11a7\u11a8",  // which stands between
           "\u1100\u1161\u11a7",  // composes without it, see below
           "\uac00\u11c3",        // behind the last
           "\uac01\u11a8",        // has one already
           "\u10ff\u1161",        // before the first leading consonant
           "\u1113\u1161",        // behind the last
           "\u1100\u1160",        // before the first vowel
           "\u1100\u1176",        // behind the last
       }) {
    EXPECT_EQ(to_nfc(text), text == "\u1100\u1161\u11a7" ? "\uac00\u11a7" : text);
  }
}

/// utf8proc's own normal form: right but for U+11A7, and quadratic.
std::string of_utf8proc(std::string_view text) {
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &mapped, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  return {reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(std::max<utf8proc_ssize_t>(size, 0))};
}

TEST(Normalizer, EachCharacterIsAsUtf8procHasIt) {
  for (char32_t c = 1; c <= 0x10FFFF; ++c) {
    if (c == 0x11A7 || (c >= 0xD800 && c < 0xE000)) continue;
    std::string text;
    append_utf8(text, c);
    ASSERT_EQ(to_nfc(text), of_utf8proc(text)) << std::hex << static_cast<std::uint32_t>(c);
  }
}

TEST(Normalizer, RandomTextIsAsUtf8procHasIt) {
  // Characters that do something, among letters that do not.
  std::vector<char32_t> characters = {U'a', U'e', U'o', U'A', U'\u00e9', U'\u3042', U'\uac00', U'\uac01', U'\U0001d15f'};
  for (char32_t c = 0x300; c < 0x370; ++c) characters.push_back(c);
  for (const char32_t begin : {0x1100, 0x1161, 0x11A8, 0x0DD9, 0x0DCF, 0x3099, 0x09C7, 0x09BE, 0x0323, 0x1EA0}) {
    for (char32_t c = begin; c < begin + 4; ++c) characters.push_back(c);
  }
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    const std::size_t length = 1 + random() % 12;
    for (std::size_t k = 0; k < length; ++k) append_utf8(text, characters[random() % characters.size()]);
    const std::string normal = to_nfc(text);
    ASSERT_EQ(normal, of_utf8proc(text)) << testing::PrintToString(text);
    ASSERT_EQ(to_nfc(normal), normal);
  }
}

TEST(Normalizer, ARunOfMarksTakesLinearTime) {
  // Of two classes in turn: each goes to its place among all before it. Quadratic time would grow 64 times.
  const auto seconds = [](std::size_t marks) {
    const std::string text = "e" + repeated("\u0301\u0316", marks);
    double best = 1e9;
    for (int i = 0; i < 3; ++i) {
      const std::clock_t begin = std::clock();  // CPU time: other processes do not count
      EXPECT_EQ(to_nfc(text).size(), text.size() - 1);
      best = std::min(best, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
    }
    return best;
  };
  EXPECT_LT(seconds(1 << 17), 24 * seconds(1 << 14));
}

}  // namespace
}  // namespace nntune::tokenizer
