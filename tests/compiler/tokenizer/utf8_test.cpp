#include "compiler/tokenizer/utf8.h"

#include <gtest/gtest.h>

namespace nntune::tokenizer {
namespace {

constexpr std::string_view kEuro = "\xE2\x82\xAC";
constexpr std::string_view kGrin = "\xF0\x9F\x98\x80";

TEST(Utf8, EveryCodePointIsWrittenAndReadBack) {
  for (char32_t code_point = 0; code_point <= 0x10FFFF; ++code_point) {
    std::string text;
    append_utf8(text, code_point);
    const Utf8Unit unit = read_utf8(text);
    if (code_point >= 0xD800 && code_point <= 0xDFFF) {
      EXPECT_EQ(unit.kind, Utf8Unit::Kind::broken) << static_cast<unsigned>(code_point);
      continue;
    }
    ASSERT_EQ(unit.kind, Utf8Unit::Kind::character) << static_cast<unsigned>(code_point);
    ASSERT_EQ(unit.code_point, code_point);
    ASSERT_EQ(unit.bytes, text.size());
  }
}

TEST(Utf8, OverlongAndTooLargeFormsAreMalformed) {
  for (const std::string_view bytes :
       {"\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5", "\xFF", "\x80"}) {
    EXPECT_EQ(find_malformed_utf8(bytes), 0U);
  }
  EXPECT_EQ(find_malformed_utf8("ab\xE2\x82"), 2U);
  EXPECT_EQ(find_malformed_utf8(kEuro), std::string_view::npos);
  EXPECT_EQ(find_malformed_utf8(""), std::string_view::npos);
}

// The examples of the Unicode standard, table 3-8 and 3-11.
TEST(Utf8, OneReplacementStandsForEachMaximalSubpart) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(replace_malformed_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(replace_malformed_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), r + r + r + r + "A");
}

TEST(Utf8, OnlyCompletableBytesWait) {
  EXPECT_EQ(incomplete_utf8_suffix(""), 0U);
  EXPECT_EQ(incomplete_utf8_suffix("a"), 0U);
  EXPECT_EQ(incomplete_utf8_suffix(kEuro), 0U);
  EXPECT_EQ(incomplete_utf8_suffix(kGrin), 0U);
  EXPECT_EQ(incomplete_utf8_suffix("a\xF0\x9F"), 2U);
  for (std::size_t cut = 1; cut < 4; ++cut) EXPECT_EQ(incomplete_utf8_suffix(kGrin.substr(0, cut)), cut);
  EXPECT_EQ(incomplete_utf8_suffix("\xE0\x80"), 0U) << "overlong: nothing completes it";
  EXPECT_EQ(incomplete_utf8_suffix("\x80\x80\x80"), 0U);
  EXPECT_EQ(incomplete_utf8_suffix("\xFF"), 0U);
}

}  // namespace
}  // namespace nntune::tokenizer
