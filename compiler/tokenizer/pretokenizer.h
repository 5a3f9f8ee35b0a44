/// Cuts text into the words that BPE works on, by the regular expression of a tokenizer.json (PCRE2, compiled by its JIT).
///
/// The expressions are written for Oniguruma in Unicode mode. \p{..} and (?i:..) mean the same in PCRE2 with UTF and UCP;
/// \s and \S are rewritten to \p{White_Space} and \P{White_Space}, because PCRE2's own \s also takes U+180E.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace nntune::tokenizer {

class PreTokenizer {
 public:
  /// ErrorKind::unsupported if PCRE2 does not understand `pattern`.
  [[nodiscard]] static Expected<PreTokenizer> compile(std::string_view pattern);
  PreTokenizer(PreTokenizer&& other) noexcept;
  PreTokenizer& operator=(PreTokenizer&& other) noexcept;
  ~PreTokenizer();

  /// Each match is a piece, and so is each gap between matches ("Isolated"); joined they are `text` again.
  /// \param text  well-formed UTF-8, must outlive the pieces
  [[nodiscard]] Expected<std::vector<std::string_view>> split(std::string_view text) const;

 private:
  struct Regex;
  explicit PreTokenizer(std::unique_ptr<Regex> regex);
  std::unique_ptr<Regex> regex_;
};

}  // namespace nntune::tokenizer
