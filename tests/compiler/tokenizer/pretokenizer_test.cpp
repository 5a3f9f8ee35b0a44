#include "compiler/tokenizer/pretokenizer.h"

#include <gmock/gmock.h>

#include "small_tokenizer.h"

namespace nntune::tokenizer {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> split(std::string_view pattern, std::string_view text) {
  const auto pieces = PreTokenizer::compile(pattern).value().split(text).value();
  return {pieces.begin(), pieces.end()};
}
std::vector<std::string> split_as_qwen(std::string_view text) { return split(kQwenPattern, text); }

TEST(PreTokenizer, SplitsAsQwen) {
  EXPECT_THAT(split_as_qwen("I'll go, they'VE 123!"),
              ElementsAre("I", "'ll", " go", ",", " they", "'VE", " ", "1", "2", "3", "!"));
  EXPECT_THAT(split_as_qwen("a   b"), ElementsAre("a", "  ", " b"));
  EXPECT_THAT(split_as_qwen("x  \n\n  y  "), ElementsAre("x", "  \n\n", " ", " y", "  "));
  EXPECT_THAT(split_as_qwen("a.\n\nb"), ElementsAre("a", ".\n\n", "b"));
  EXPECT_THAT(split_as_qwen("\u00e9t\u00e9 \u0663"), ElementsAre("\u00e9t\u00e9", " ", "\u0663"));
  EXPECT_THAT(split_as_qwen(""), ElementsAre());
}

TEST(PreTokenizer, WhiteSpaceIsThatOfUnicode) {
  EXPECT_THAT(split("\\s", "a\u0085b\u3000c\u00a0"), ElementsAre("a", "\u0085", "b", "\u3000", "c", "\u00a0"));
  // U+180E lost the property in Unicode 6.3, U+200B never had it.
  EXPECT_THAT(split("\\s", "a\u180eb\u200bc"), ElementsAre("a\u180eb\u200bc"));
  EXPECT_THAT(split("[^\\s]+", "a\u180eb c"), ElementsAre("a\u180eb", " ", "c"));
  EXPECT_THAT(split("\\\\s", "a\\sb"), ElementsAre("a", "\\s", "b")) << "an escaped backslash is no class";
}

TEST(PreTokenizer, GapsAreKept) { EXPECT_THAT(split("b", "abba"), ElementsAre("a", "b", "b", "a")); }

TEST(PreTokenizer, EmptyMatchesCutNothing) {
  EXPECT_THAT(split("x*", "a\u4e2dxxb"), ElementsAre("a\u4e2d", "xx", "b"));
  EXPECT_THAT(split("(?=b)", "ab"), ElementsAre("ab"));
}

TEST(PreTokenizer, BadExpressionsAreRefusedWithTheirPlace) {
  const auto refused = PreTokenizer::compile("a(b");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unsupported);
  EXPECT_NE(refused.error().what.find("offset 3"), std::string::npos) << refused.error().what;
}

TEST(PreTokenizer, MegabytesOfSpacesAreOnePiece) {
  const std::string text(8'000'000, ' ');
  EXPECT_EQ(split_as_qwen(text).size(), 1U);
  EXPECT_THAT(split_as_qwen(text + "a"), ElementsAre(text.substr(1), " a"));
}

}  // namespace
}  // namespace nntune::tokenizer
