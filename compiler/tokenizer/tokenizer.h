/// Text to token ids and back, as the `tokenizers` library does for Qwen3's tokenizer.json.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "compiler/tokenizer/bpe.h"
#include "compiler/tokenizer/pretokenizer.h"
#include "compiler/tokenizer/tokenizer_json.h"

namespace nntune::tokenizer {

/// Added tokens (<|im_end|>, ...) are found in the raw text; each piece between them goes through NFC, is split into words
/// by a regular expression, and each word's bytes are merged by BPE. Nothing is put in front of the text or behind it.
/// Immutable: one tokenizer serves any number of threads.
class Tokenizer {
 public:
  /// \param name  where the text came from, for errors
  /// \return ErrorKind::bad_input or ErrorKind::unsupported; see read_tokenizer_json
  [[nodiscard]] static Expected<Tokenizer> from_json(std::string_view tokenizer_json, std::string_view name);

  /// Malformed UTF-8 is refused with its place (ErrorKind::bad_input), never replaced in silence; so are texts over 1 GiB.
  [[nodiscard]] Expected<std::vector<int>> encode(std::string_view utf8) const;

  /// The text of the ids, added tokens included. Ids without a token (a model may have more rows than its tokenizer has
  /// tokens) give nothing; bytes that are no UTF-8 together become U+FFFD. decode(encode(x)) is NFC(x), where the pieces
  /// between added tokens are normalized one by one.
  [[nodiscard]] std::string decode(std::span<const int> ids) const;

  /// The bytes of one token, perhaps a part of a character; empty for an id without a token.
  [[nodiscard]] std::string_view bytes(int id) const;
  /// The token that decodes to `text`; an added one before one of the vocabulary.
  [[nodiscard]] std::optional<int> token_id(std::string_view text) const;
  /// True for tokens that control the model and are no text for people, such as <|im_end|>.
  [[nodiscard]] bool is_special(int id) const;
  /// Largest id + 1, added tokens included; at most the rows of the model's embedding.
  [[nodiscard]] int vocab_size() const { return vocab_size_; }
  /// The text that from_json read, byte for byte.
  [[nodiscard]] std::string source_json() const { return source_json_; }

 private:
  Tokenizer(TokenizerSpec spec, PreTokenizer pre_tokenizer, Bpe bpe, std::string_view source_json);
  [[nodiscard]] Status encode_plain(std::string_view text, std::vector<int>& ids) const;

  Vocabulary vocabulary_;
  AddedTokens added_tokens_;
  PreTokenizer pre_tokenizer_;
  Bpe bpe_;
  int vocab_size_ = 0;
  std::string source_json_;
};

}  // namespace nntune::tokenizer
