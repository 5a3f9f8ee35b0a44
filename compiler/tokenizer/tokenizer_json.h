/// Reads Hugging Face's tokenizer.json, and refuses whatever would make the ids differ if it were ignored.
#pragma once

#include <string>

#include "base/error.h"
#include "base/json_fwd.h"
#include "compiler/tokenizer/added_tokens.h"
#include "compiler/tokenizer/bpe.h"
#include "compiler/tokenizer/vocabulary.h"

namespace nntune::tokenizer {

/// What a tokenizer.json says, after validation. NFC and the byte-level alphabet are implied: nothing else is accepted.
struct TokenizerSpec {
  Vocabulary vocabulary;  ///< of the BPE model, as bytes
  MergeTable merges;
  AddedTokens added_tokens;
  std::string split_pattern;  ///< regular expression whose matches are the words
};

/// ErrorKind::bad_input for what is malformed (the error names the field), ErrorKind::unsupported for what is understood but
/// not implemented. Accepted is the form of Qwen3's file: normalizer NFC, pre_tokenizer Split (Isolated) then ByteLevel,
/// model BPE with merges as ["a", "b"] or "a b", added tokens that are matched in the raw text.
[[nodiscard]] Expected<TokenizerSpec> read_tokenizer_json(const Json& json);

}  // namespace nntune::tokenizer
