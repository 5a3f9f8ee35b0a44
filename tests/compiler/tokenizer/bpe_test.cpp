#include "compiler/tokenizer/bpe.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <ctime>
#include <random>

#include "base/json.h"
#include "shared_models.h"
#include "small_tokenizer.h"

namespace nntune::tokenizer {
namespace {

using ::testing::ElementsAre;

Bpe bpe_of(const std::vector<std::pair<std::string, std::string>>& merges) {
  TokenizerSpec spec = read_tokenizer_json(small_tokenizer_json(merges)).value();
  return Bpe::create(spec.vocabulary, std::move(spec.merges)).value();
}

std::vector<int> encode(const Bpe& bpe, std::string_view word) {
  std::vector<int> ids;
  bpe.encode(word, ids);
  return ids;
}

/// The definition: merge the leftmost pair of the lowest rank until none is left. Quadratic.
std::vector<int> encode_by_definition(const MergeTable& merges, std::vector<int> ids) {
  while (true) {
    const MergeTable::Merge* best = nullptr;
    std::size_t best_at = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto* merge = merges.find(ids[i], ids[i + 1]);
      if (merge != nullptr && (best == nullptr || merge->rank < best->rank)) {
        best = merge;
        best_at = i;
      }
    }
    if (best == nullptr) return ids;
    ids[best_at] = best->token;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best_at) + 1);
  }
}

TEST(Bpe, LowerRankMergesFirst) {
  EXPECT_THAT(encode(bpe_of({{"b", "c"}, {"a", "b"}}), "abc"), ElementsAre('a', 256));
  EXPECT_THAT(encode(bpe_of({{"a", "b"}, {"b", "c"}}), "abc"), ElementsAre(256, 'c'));
}

TEST(Bpe, EqualPairsMergeFromTheLeft) {
  const Bpe bpe = bpe_of({{"a", "a"}, {"aa", "aa"}});
  EXPECT_THAT(encode(bpe, "aaa"), ElementsAre(256, 'a'));
  EXPECT_THAT(encode(bpe, "aaaaaaa"), ElementsAre(257, 256, 'a'));
}

TEST(Bpe, WordsWithoutMergesStayBytes) {
  const Bpe bpe = bpe_of({});
  EXPECT_THAT(encode(bpe, "ab"), ElementsAre('a', 'b'));
  EXPECT_THAT(encode(bpe, ""), ElementsAre());
}

TEST(Bpe, AgreesWithTheDefinitionOnRandomWords) {
  const std::vector<std::pair<std::string, std::string>> merges = {{"a", "b"},   {"b", "a"},   {"ab", "ab"}, {"a", "a"},
                                                                   {"aa", "b"},  {"ba", "ab"}, {"b", "c"},   {"abab", "bc"},
                                                                   {"c", "aab"}, {"aa", "aa"}};
  TokenizerSpec spec = read_tokenizer_json(small_tokenizer_json(merges)).value();
  const MergeTable table = spec.merges;
  const Bpe bpe = Bpe::create(spec.vocabulary, std::move(spec.merges)).value();
  std::mt19937_64 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string word;
    const std::size_t length = random() % 40;
    while (word.size() < length) word += static_cast<char>('a' + random() % 3);
    const std::vector<int> bytes(word.begin(), word.end());
    ASSERT_EQ(encode(bpe, word), encode_by_definition(table, bytes)) << word;
  }
}

TEST(Bpe, MissingByteTokensAreRefused) {
  Json json = small_tokenizer_json({});
  json["model"]["vocab"].erase("a");
  const auto refused = tokenizer_of(json);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unsupported);
  EXPECT_NE(refused.error().what.find("byte 0x61 has no token"), std::string::npos) << refused.error().what;
}

TEST(Bpe, BytesThatUtf8NeverHasNeedNoToken) {
  Json json = small_tokenizer_json({});
  for (const char* byte : {"\xC0", "\xC1", "\xF5", "\xFF"}) json["model"]["vocab"].erase(bytes_to_alphabet(byte));
  EXPECT_TRUE(tokenizer_of(json));
}

using BpeOfTinyModel = WithTinyModel;

TEST_F(BpeOfTinyModel, LongWordsTakeLinearTime) {
  const auto seconds = [&](std::size_t length) {
    std::string word;
    for (std::size_t i = 0; word.size() < length; ++i) word += static_cast<char>('a' + (i * i * 7 + i / 3) % 26);
    double best = 1e9;
    for (int repeat = 0; repeat < 3; ++repeat) {
      const std::clock_t start = std::clock();  // CPU time: other processes do not count
      EXPECT_EQ(tiny().decode(tiny().encode(word).value()), word);
      best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    }
    return best;
  };
  const double small = seconds(50'000);
  const double large = seconds(800'000);
  // 16 times the bytes: 16 times the work, a little more for the heap and the caches; a quadratic loop would take 256 times.
  EXPECT_LT(large, 80 * small + 0.05) << small << " s then " << large << " s";
}

}  // namespace
}  // namespace nntune::tokenizer
