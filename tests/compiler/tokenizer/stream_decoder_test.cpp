#include "compiler/tokenizer/stream_decoder.h"

#include <gmock/gmock.h>

#include <random>

#include "compiler/tokenizer/utf8.h"
#include "shared_models.h"
#include "small_tokenizer.h"

namespace nntune::tokenizer {
namespace {

using ::testing::ElementsAre;

// "ab" 256, <|im_end|> 257, <think> 258; a byte is its own id.
Tokenizer small() { return tokenizer_of(small_tokenizer_json({{"a", "b"}})).value(); }

std::vector<std::string> pieces(StreamDecoder decoder, const std::vector<int>& ids) {
  std::vector<std::string> texts;
  for (const int id : ids) texts.push_back(decoder.push(id));
  texts.push_back(decoder.finish());
  return texts;
}

TEST(StreamDecoder, HoldsBackIncompleteCharacters) {
  const Tokenizer tokenizer = small();
  EXPECT_THAT(pieces(StreamDecoder(tokenizer), {'x', 0xF0, 0x9F, 0x98, 0x80, 256}),
              ElementsAre("x", "", "", "", "\U0001F600", "ab", ""));
}

TEST(StreamDecoder, FinishReplacesWhatNeverBecameACharacter) {
  const Tokenizer tokenizer = small();
  EXPECT_THAT(pieces(StreamDecoder(tokenizer), {0xE2, 0x82}), ElementsAre("", "", "\uFFFD"));
  EXPECT_THAT(pieces(StreamDecoder(tokenizer), {0xE2, 'a'}), ElementsAre("", "\uFFFDa", ""));
  StreamDecoder reused(tokenizer);
  EXPECT_EQ(reused.push(0xE2), "");
  EXPECT_EQ(reused.finish(), "\uFFFD");
  EXPECT_EQ(reused.push('a'), "a");
}

TEST(StreamDecoder, ShowsOrSkipsSpecialTokens) {
  const Tokenizer tokenizer = small();
  EXPECT_THAT(pieces(StreamDecoder(tokenizer), {'a', 257}), ElementsAre("a", "<|im_end|>", ""));
  EXPECT_THAT(pieces(StreamDecoder(tokenizer, StreamDecoder::SpecialTokens::skip), {'a', 257, 258}),
              ElementsAre("a", "", "<think>", ""))
      << "<think> is added but not special";
}

using StreamDecoderOfTinyModel = WithTinyModel;

TEST_F(StreamDecoderOfTinyModel, PiecesJoinToTheDecodedTextForAnyIds) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::vector<int> ids;
    // Half of the ids are single bytes, so that broken characters of every kind occur.
    for (std::size_t length = random() % 30; ids.size() < length;) {
      ids.push_back(static_cast<int>(random() % (random() % 2 == 0 ? 256 : 2072)));
    }
    std::string joined;
    for (const std::string& piece : pieces(StreamDecoder(tiny()), ids)) {
      ASSERT_EQ(find_malformed_utf8(piece), std::string_view::npos);
      joined += piece;
    }
    ASSERT_EQ(joined, tiny().decode(ids));
  }
}

}  // namespace
}  // namespace nntune::tokenizer
