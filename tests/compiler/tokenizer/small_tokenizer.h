/// A tokenizer.json small enough to be read at a glance, in the form of Qwen3's: 256 bytes, few merges, two added tokens.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "compiler/tokenizer/byte_alphabet.h"
#include "compiler/tokenizer/tokenizer.h"

namespace nntune::tokenizer {

inline constexpr const char* kQwenPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// Byte b has id b; merge i makes id 256 + i; the added tokens follow.
inline Json small_tokenizer_json(const std::vector<std::pair<std::string, std::string>>& merges) {
  Json vocab = Json::object();
  for (int byte = 0; byte < 256; ++byte) {
    vocab[bytes_to_alphabet(std::string(1, static_cast<char>(byte)))] = byte;
  }
  Json pairs = Json::array();
  int next = 256;
  for (const auto& [left, right] : merges) {
    pairs.push_back({bytes_to_alphabet(left), bytes_to_alphabet(right)});
    vocab[bytes_to_alphabet(left + right)] = next++;
  }
  const auto added = [](int id, const char* content, bool special) {
    return Json{{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
                {"rstrip", false}, {"normalized", false}, {"special", special}};
  };
  const Json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", false}};
  return {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", {added(next, "<|im_end|>", true), added(next + 1, "<think>", false)}},
      {"normalizer", {{"type", "NFC"}}},
      {"pre_tokenizer",
       {{"type", "Sequence"},
        {"pretokenizers",
         {Json{{"type", "Split"}, {"pattern", {{"Regex", kQwenPattern}}}, {"behavior", "Isolated"}, {"invert", false}},
          byte_level}}}},
      {"post_processor", byte_level},
      {"decoder", byte_level},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", nullptr},
        {"continuing_subword_prefix", ""},
        {"end_of_word_suffix", ""},
        {"fuse_unk", false},
        {"byte_fallback", false},
        {"ignore_merges", false},
        {"vocab", vocab},
        {"merges", pairs}}},
  };
}

inline Expected<Tokenizer> tokenizer_of(const Json& json) { return Tokenizer::from_json(json.dump(), "t.json"); }

}  // namespace nntune::tokenizer
