#include "compiler/tokenizer/tokenizer.h"

#include <gmock/gmock.h>

#include <array>
#include <random>

#include "base/json.h"
#include "compiler/tokenizer/normalizer.h"
#include "compiler/tokenizer/utf8.h"
#include "shared_models.h"
#include "small_tokenizer.h"

namespace nntune::tokenizer {
namespace {

using ::testing::ElementsAre;

Tokenizer small() {
  return tokenizer_of(small_tokenizer_json({{"a", "b"}})).value();
}  // "ab" 256, <|im_end|> 257, <think> 258

using TinyTokenizer = WithTinyModel;

TEST_F(TinyTokenizer, GivesTheExpectedIdsOfAllCases) {
  ASSERT_EQ(cases().at("cases").size(), 239U);
  for (const Json& one : cases().at("cases")) {
    EXPECT_EQ(tiny().encode(one.at("text").get<std::string>()), one.at("ids").get<std::vector<int>>()) << one.at("text");
  }
}

TEST_F(TinyTokenizer, DecodesAllCasesToTheirNfc) {
  std::size_t changed = 0;
  for (const Json& one : cases().at("cases")) {
    const auto text = one.at("text").get<std::string>();
    const auto ids = one.at("ids").get<std::vector<int>>();
    EXPECT_EQ(tiny().decode(ids), one.value("decoded", text)) << one.at("text");
    EXPECT_EQ(tiny().decode(ids), to_nfc(text)) << one.at("text");
    changed += one.contains("decoded") ? 1 : 0;
  }
  EXPECT_EQ(changed, 6U);
}

/// Letters of many scripts, combining marks, white space, quotes, digits, emoji, added tokens: what is treated apart.
std::string random_text(std::mt19937_64& random) {
  static constexpr std::array<std::pair<char32_t, char32_t>, 14> kRanges = {{{0x20, 0x7E},
                                                                             {0x00, 0x1F},
                                                                             {0x20, 0x20},
                                                                             {0x61, 0x7A},
                                                                             {0x80, 0x24F},
                                                                             {0x300, 0x345},
                                                                             {0x370, 0x5FF},
                                                                             {0x900, 0xDFF},
                                                                             {0x1100, 0x11FF},
                                                                             {0x1E00, 0x206F},
                                                                             {0x3000, 0x9FFF},
                                                                             {0xAC00, 0xD7A3},
                                                                             {0xE000, 0xFFFF},
                                                                             {0x10000, 0x10FFFF}}};
  std::string text;
  const std::size_t length = random() % 60;
  for (std::size_t i = 0; i < length; ++i) {
    const auto [first, last] = kRanges[random() % kRanges.size()];
    append_utf8(text, first + static_cast<char32_t>(random() % (last - first + 1)));
    if (random() % 40 == 0) text += "<|im_end|>";
    if (random() % 40 == 0) text += "'S\r\n";
  }
  return text;
}

TEST_F(TinyTokenizer, DecodingRandomTextGivesItsNfc) {
  std::mt19937_64 random(20240607);
  for (int round = 0; round < 5000; ++round) {
    const std::string text = random_text(random);
    const auto ids = tiny().encode(text);
    ASSERT_TRUE(ids) << ids.error().message();
    // Each piece between added tokens is normalized on its own: a mark behind one does not combine with its ">".
    std::string expected;
    std::string_view rest = text;
    for (std::size_t at = rest.find("<|im_end|>"); at != std::string_view::npos; at = rest.find("<|im_end|>")) {
      expected += to_nfc(rest.substr(0, at)) + "<|im_end|>";
      rest.remove_prefix(at + 10);
    }
    expected += to_nfc(rest);
    ASSERT_EQ(tiny().decode(*ids), expected) << Json(text).dump(-1, ' ', true);
    ASSERT_EQ(tiny().encode(expected), *ids) << "normalizing twice changes nothing";
  }
}

TEST_F(TinyTokenizer, KnowsItsTokens) {
  EXPECT_EQ(tiny().vocab_size(), 2048);
  EXPECT_EQ(tiny().token_id("<|im_end|>"), 2047);
  EXPECT_EQ(tiny().token_id(" the"), 262);
  EXPECT_EQ(tiny().token_id("no such token"), std::nullopt);
  EXPECT_EQ(tiny().token_id(""), std::nullopt);
  EXPECT_TRUE(tiny().is_special(2045));
  EXPECT_FALSE(tiny().is_special(262));
}

TEST_F(TinyTokenizer, ItsSourceMakesItAgain) {
  EXPECT_EQ(tiny().source_json(), tiny_json());
  const Tokenizer again = Tokenizer::from_json(tiny().source_json(), "module").value();
  EXPECT_EQ(again.encode("In the beginning").value(), tiny().encode("In the beginning").value());
}

TEST_F(TinyTokenizer, MergesAsStringsGiveTheSameIds) {
  Json json = Json::parse(tiny_json());
  for (Json& merge : json["model"]["merges"]) merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  const Tokenizer spelled = tokenizer_of(json).value();
  for (const Json& one : cases().at("cases")) {
    EXPECT_EQ(spelled.encode(one.at("text").get<std::string>()), one.at("ids").get<std::vector<int>>()) << one.at("text");
  }
}

TEST_F(TinyTokenizer, EncodesALongFile) {
  const std::string text = read_file(shared_models() / "valid.txt").value();
  const auto ids = tiny().encode(text).value();
  EXPECT_EQ(tiny().decode(ids), text);
  EXPECT_LT(ids.size(), text.size() / 2);
}

TEST(Tokenizer, MalformedUtf8IsRefusedWithItsPlace) {
  const auto refused = small().encode(
      "ab\xFF"
      "c");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::bad_input);
  EXPECT_EQ(refused.error().what, "the text is not UTF-8 at byte 2 (0xFF)");
  EXPECT_FALSE(small().encode("\xE2\x82"));
  EXPECT_FALSE(small().encode("\xED\xA0\x80")) << "a surrogate";
}

TEST(Tokenizer, AddedTokensSplitTheTextBeforeNormalization) {
  EXPECT_THAT(small().encode("ab<|im_end|>ab").value(), ElementsAre(256, 257, 256));
  // ">" and U+0338 would compose to U+226F.
  EXPECT_THAT(small().encode("<|im_end|>\u0338").value(), ElementsAre(257, 0xCC, 0xB8));
  EXPECT_THAT(small().encode("<|im_end|").value().size(), 9);
}

TEST(Tokenizer, ANotSpecialAddedTokenIsFoundToo) {
  EXPECT_THAT(small().encode("<think>").value(), ElementsAre(258));
  EXPECT_FALSE(small().is_special(258));
}

TEST(Tokenizer, IdsWithoutATokenDecodeToNothing) {
  EXPECT_EQ(small().decode(std::vector<int>{'a', -1, 259, 1 << 30, 'b'}), "ab");
  EXPECT_EQ(small().bytes(-1), "");
}

TEST(Tokenizer, BytesThatAreNoTextDecodeToReplacements) {
  EXPECT_EQ(small().decode(std::vector<int>{'a', 0xE2, 0x82, 'b', 0xFF}), "a\uFFFDb\uFFFD");
}

TEST(Tokenizer, CanBeMoved) {
  Tokenizer first = small();
  const Tokenizer second = std::move(first);
  EXPECT_THAT(second.encode("ab").value(), ElementsAre(256));
  EXPECT_EQ(second.token_id("ab"), 256);
}

}  // namespace
}  // namespace nntune::tokenizer
