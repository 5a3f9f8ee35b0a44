#include "compiler/tokenizer/tokenizer_json.h"

#include <gmock/gmock.h>

#include <functional>
#include <random>

#include "base/json.h"
#include "small_tokenizer.h"

namespace nntune::tokenizer {
namespace {

/// One way to spoil a good file, and what the error must say.
struct Spoiled {
  const char* name;
  std::function<void(Json&)> spoil;
  ErrorKind kind;
  const char* said;
};

void PrintTo(const Spoiled& spoiled, std::ostream* os) { *os << spoiled.name; }

class TokenizerJson : public ::testing::TestWithParam<Spoiled> {};

TEST_P(TokenizerJson, IsRefusedWithOneClearLine) {
  Json json = small_tokenizer_json({{"a", "b"}, {"ab", "c"}});
  ASSERT_TRUE(tokenizer_of(json)) << "the file was good before";
  GetParam().spoil(json);
  const auto refused = tokenizer_of(json);
  ASSERT_FALSE(refused);
  const std::string line = refused.error().message();
  EXPECT_EQ(refused.error().kind, GetParam().kind) << line;
  EXPECT_THAT(line, ::testing::HasSubstr(GetParam().said));
  EXPECT_THAT(line, ::testing::StartsWith("t.json: "));
  EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  EXPECT_LT(line.size(), 400U) << line;
}

constexpr ErrorKind kBad = ErrorKind::bad_input;
constexpr ErrorKind kUnsupported = ErrorKind::unsupported;

Json& split(Json& json) { return json["pre_tokenizer"]["pretokenizers"][0]; }

const std::vector<Spoiled>& spoiled_files() {
  static const std::vector<Spoiled> files = {
      {"array", [](Json& j) { j = Json::array(); }, kBad, "is [] instead of an object"},
      {"empty_object", [](Json& j) { j = Json::object(); }, kBad, "normalizer is null instead of an object"},
      {"unknown_section", [](Json& j) { j["future"] = 1; }, kUnsupported, "\"future\" is unknown"},
      {"truncation",
       [](Json& j) {
         j["truncation"] = {{"max_length", 5}};
       },
       kUnsupported, "truncation is an object"},
      {"padding",
       [](Json& j) {
         j["padding"] = {{"length", 5}};
       },
       kUnsupported, "padding is an object"},

      {"normalizer_nfkc", [](Json& j) { j["normalizer"]["type"] = "NFKC"; }, kUnsupported,
       "normalizer.type is \"NFKC\", but only \"NFC\""},
      {"normalizer_null", [](Json& j) { j["normalizer"] = nullptr; }, kBad, "normalizer is null"},
      {"normalizer_extra", [](Json& j) { j["normalizer"]["lowercase"] = true; }, kUnsupported,
       "normalizer.\"lowercase\" is unknown"},

      {"pre_tokenizer_byte_level", [](Json& j) { j["pre_tokenizer"] = split(j); }, kUnsupported,
       "pre_tokenizer.type is \"Split\""},
      {"pre_tokenizer_null", [](Json& j) { j.erase("pre_tokenizer"); }, kBad, "pre_tokenizer is null"},
      {"pre_tokenizer_one_part", [](Json& j) { j["pre_tokenizer"]["pretokenizers"].erase(1); }, kUnsupported, "has 1 parts"},
      {"pre_tokenizer_parts_string", [](Json& j) { j["pre_tokenizer"]["pretokenizers"] = "x"; }, kBad,
       "instead of an array"},
      {"pre_tokenizer_part_number", [](Json& j) { split(j) = 3; }, kBad, "pretokenizers[0] is 3 instead of an object"},
      {"split_removed", [](Json& j) { split(j)["behavior"] = "Removed"; }, kUnsupported,
       "pretokenizers[0].behavior is \"Removed\""},
      {"split_inverted", [](Json& j) { split(j)["invert"] = true; }, kUnsupported, "invert is true"},
      {"split_string",
       [](Json& j) {
         split(j)["pattern"] = {{"String", " "}};
       },
       kUnsupported, "pattern.\"String\" is unknown"},
      {"split_pattern_number", [](Json& j) { split(j)["pattern"]["Regex"] = 7; }, kBad,
       "pattern.Regex is 7 instead of a string"},
      {"split_bad_regex", [](Json& j) { split(j)["pattern"]["Regex"] = "(?<"; }, kUnsupported, "is not understood"},
      {"prefix_space", [](Json& j) { j["pre_tokenizer"]["pretokenizers"][1]["add_prefix_space"] = true; }, kUnsupported,
       "add_prefix_space is true"},
      {"gpt2_regex", [](Json& j) { j["pre_tokenizer"]["pretokenizers"][1]["use_regex"] = true; }, kUnsupported,
       "use_regex is true"},

      {"post_processor_template",
       [](Json& j) {
         j["post_processor"] = {{"type", "TemplateProcessing"}};
       },
       kUnsupported, "post_processor.type is"},
      {"decoder_metaspace", [](Json& j) { j["decoder"]["type"] = "Metaspace"; }, kUnsupported,
       "decoder.type is \"Metaspace\""},
      {"decoder_missing", [](Json& j) { j.erase("decoder"); }, kBad, "decoder is null"},

      {"model_unigram", [](Json& j) { j["model"]["type"] = "Unigram"; }, kUnsupported,
       "model.type is \"Unigram\", but only \"BPE\""},
      {"model_missing", [](Json& j) { j.erase("model"); }, kBad, "model is null"},
      {"model_extra", [](Json& j) { j["model"]["magic"] = 1; }, kUnsupported, "model.\"magic\" is unknown"},
      {"dropout", [](Json& j) { j["model"]["dropout"] = 0.1; }, kUnsupported, "model.dropout is 0.1, but only null"},
      {"unk_token", [](Json& j) { j["model"]["unk_token"] = "<unk>"; }, kUnsupported, "model.unk_token is \"<unk>\""},
      {"prefix", [](Json& j) { j["model"]["continuing_subword_prefix"] = "##"; }, kUnsupported,
       "continuing_subword_prefix is \"##\""},
      {"suffix", [](Json& j) { j["model"]["end_of_word_suffix"] = "</w>"; }, kUnsupported, "end_of_word_suffix"},
      {"byte_fallback", [](Json& j) { j["model"]["byte_fallback"] = true; }, kUnsupported, "byte_fallback is true"},
      {"ignore_merges", [](Json& j) { j["model"]["ignore_merges"] = true; }, kUnsupported, "ignore_merges is true"},

      {"vocab_array",
       [](Json& j) {
         j["model"]["vocab"] = {1, 2};
       },
       kBad, "model.vocab is an array instead of an object"},
      {"vocab_empty",
       [](Json& j) {
         j["model"] = {{"type", "BPE"}, {"vocab", Json::object()}, {"merges", Json::array()}};
       },
       kUnsupported, "byte 0x00 has no token"},
      {"vocab_id_string", [](Json& j) { j["model"]["vocab"]["a"] = "1"; }, kBad,
       "model.vocab[\"a\"] is \"1\" instead of an id"},
      {"vocab_id_negative", [](Json& j) { j["model"]["vocab"]["a"] = -1; }, kBad, "is -1 instead of an id"},
      {"vocab_id_fraction", [](Json& j) { j["model"]["vocab"]["a"] = 1.5; }, kBad, "is 1.5 instead of an id"},
      {"vocab_id_huge", [](Json& j) { j["model"]["vocab"]["a"] = 1ULL << 63; }, kBad, "instead of an id from 0 to 1048575"},
      {"vocab_id_twice", [](Json& j) { j["model"]["vocab"]["a"] = 'b'; }, kBad, "has the same id as \"a\""},
      {"vocab_empty_token", [](Json& j) { j["model"]["vocab"][""] = 999; }, kBad, "is empty"},
      {"vocab_sentencepiece", [](Json& j) { j["model"]["vocab"]["\u2581the"] = 999; }, kUnsupported,
       "not spelled in the byte-level alphabet"},

      {"merges_missing", [](Json& j) { j["model"].erase("merges"); }, kBad, "model.merges is null instead of an array"},
      {"merge_number", [](Json& j) { j["model"]["merges"][1] = 5; }, kBad, "model.merges[1] is 5 instead of two tokens"},
      {"merge_of_three",
       [](Json& j) {
         j["model"]["merges"][0] = {"a", "b", "c"};
       },
       kBad, "model.merges[0] is an array instead of two tokens"},
      {"merge_of_numbers",
       [](Json& j) {
         j["model"]["merges"][0] = {1, 2};
       },
       kBad, "instead of two tokens"},
      {"merge_one_word", [](Json& j) { j["model"]["merges"][0] = "ab"; }, kBad, "is \"ab\" instead of two tokens"},
      {"merge_three_words", [](Json& j) { j["model"]["merges"][0] = "a b c"; }, kBad, "instead of two tokens"},
      {"merge_unknown_left",
       [](Json& j) {
         j["model"]["merges"][0] = {"zz", "b"};
       },
       kBad, "model.merges[0] names \"zz\", which is not in model.vocab"},
      {"merge_unknown_right", [](Json& j) { j["model"]["merges"][0] = "a zz"; }, kBad, "names \"zz\""},
      {"merge_not_alphabet",
       [](Json& j) {
         j["model"]["merges"][0] = {"a", "\u4e2d"};
       },
       kBad, "names \"\\u4e2d\""},
      {"merge_unknown_result",
       [](Json& j) {
         j["model"]["merges"][0] = {"x", "y"};
       },
       kBad, "makes \"xy\", which is not in model.vocab"},

      {"added_object", [](Json& j) { j["added_tokens"] = Json::object(); }, kBad, "added_tokens is {} instead of an array"},
      {"added_string", [](Json& j) { j["added_tokens"][0] = "<eos>"; }, kBad,
       "added_tokens[0] is \"<eos>\" instead of an object"},
      {"added_no_content", [](Json& j) { j["added_tokens"][0].erase("content"); }, kBad,
       "added_tokens[0].content is null instead of a string"},
      {"added_empty", [](Json& j) { j["added_tokens"][0]["content"] = ""; }, kBad, "added_tokens[0].content is empty"},
      {"added_id_string", [](Json& j) { j["added_tokens"][0]["id"] = "7"; }, kBad,
       "added_tokens[0].id is \"7\" instead of an id"},
      {"added_special_number", [](Json& j) { j["added_tokens"][0]["special"] = 1; }, kBad,
       "special is 1 instead of true or false"},
      {"added_lstrip", [](Json& j) { j["added_tokens"][0]["lstrip"] = true; }, kUnsupported,
       "added_tokens[0].lstrip is true"},
      {"added_rstrip", [](Json& j) { j["added_tokens"][0]["rstrip"] = true; }, kUnsupported, "rstrip is true"},
      {"added_single_word", [](Json& j) { j["added_tokens"][0]["single_word"] = true; }, kUnsupported,
       "single_word is true"},
      {"added_normalized", [](Json& j) { j["added_tokens"][1]["normalized"] = true; }, kUnsupported,
       "added_tokens[1].normalized is true"},
      {"added_id_twice", [](Json& j) { j["added_tokens"][1]["id"] = j["added_tokens"][0]["id"]; }, kBad,
       "names id 258 twice"},
      {"added_text_twice", [](Json& j) { j["added_tokens"][1]["content"] = "<|im_end|>"; }, kBad,
       "names \"<|im_end|>\" twice"},
      {"added_id_of_vocab", [](Json& j) { j["added_tokens"][0]["id"] = 97; }, kBad,
       "id 97 is \"<|im_end|>\" in added_tokens and \"a\" in model.vocab"},
      {"added_other_id_in_vocab", [](Json& j) { j["model"]["vocab"]["<think>"] = 999; }, kBad,
       "has id 259 in added_tokens and id 999 in model.vocab"},
  };
  return files;
}

INSTANTIATE_TEST_SUITE_P(Spoiled, TokenizerJson, ::testing::ValuesIn(spoiled_files()),
                         [](const auto& spoiled) { return spoiled.param.name; });

TEST(TokenizerJsonText, BrokenJsonIsOneClearLine) {
  const std::string good = small_tokenizer_json({{"a", "b"}}).dump();
  for (const std::string& text : {std::string(), std::string("{"), std::string("nonsense"), good.substr(0, good.size() / 2),
                                  good + "}", std::string("\xFF\xFE"), std::string(100000, '[')}) {
    const auto refused = Tokenizer::from_json(text, "t.json");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::bad_input);
    EXPECT_EQ(refused.error().message().find('\n'), std::string::npos) << refused.error().message();
  }
}

TEST(TokenizerJsonText, RandomDamageNeverCrashes) {
  const std::string good = small_tokenizer_json({{"a", "b"}, {"ab", "c"}}).dump();
  std::mt19937_64 random(11);
  int refused = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string text = good;
    for (int flips = 0; flips < 3; ++flips) text[random() % text.size()] = static_cast<char>(random() % 128);
    const auto loaded = Tokenizer::from_json(text, "t.json");
    refused += loaded ? 0 : 1;
    if (loaded) (void)loaded->encode("abc <think> \u00e9");  // fails or works, but returns
  }
  EXPECT_GT(refused, 500);
}

TEST(TokenizerJsonText, AddedTokensMayStandInTheVocabularyToo) {
  Json json = small_tokenizer_json({{"a", "b"}});
  json["model"]["vocab"]["<|im_end|>"] = 257;
  json["model"]["vocab"]["<think>"] = 258;
  const auto tokenizer = tokenizer_of(json);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message();
  EXPECT_EQ(tokenizer->token_id("<think>"), 258);
  EXPECT_EQ(tokenizer->vocab_size(), 259);
}

TEST(TokenizerJsonText, IdsMayHaveGaps) {
  Json json = small_tokenizer_json({});
  json["added_tokens"][0]["id"] = 1000;
  const auto tokenizer = tokenizer_of(json);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message();
  EXPECT_EQ(tokenizer->vocab_size(), 1001);
  EXPECT_EQ(tokenizer->bytes(999), "");
}

}  // namespace
}  // namespace nntune::tokenizer
