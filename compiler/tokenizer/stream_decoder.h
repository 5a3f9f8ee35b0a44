/// Text of a running generation, token by token, in whole characters.
#pragma once

#include <string>

#include "compiler/tokenizer/tokenizer.h"

namespace nntune::tokenizer {

/// Joined, the pieces of push() and the last one of finish() are Tokenizer::decode of all ids. Each piece is well-formed
/// UTF-8: the bytes of a character that is not complete yet wait for the next token.
class StreamDecoder {
 public:
  enum class SpecialTokens { show, skip };

  /// \param tokenizer  must outlive this object
  explicit StreamDecoder(const Tokenizer& tokenizer, SpecialTokens special = SpecialTokens::show)
      : tokenizer_(&tokenizer), special_(special) {}

  /// The text that became certain with this token, often empty.
  [[nodiscard]] std::string push(int id);
  /// What still waited, as U+FFFD; afterwards the decoder is as new.
  [[nodiscard]] std::string finish();

 private:
  const Tokenizer* tokenizer_;
  SpecialTokens special_;
  std::string waiting_;  ///< at most 3 bytes
};

}  // namespace nntune::tokenizer
