/// Tokens that are found in the raw text before anything else happens to it, such as <|im_end|>.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace nntune::tokenizer {

struct AddedToken {
  std::string text;  ///< UTF-8, not empty
  int id = 0;
  bool special = false;  ///< controls the model, no text for people
};

/// Finds the leftmost added token, the longest of several at one place.
class AddedTokens {
 public:
  struct Match {
    std::size_t begin = 0;
    const AddedToken* token = nullptr;
  };

  AddedTokens() = default;
  /// \param tokens  each with a text and an id of its own
  explicit AddedTokens(std::vector<AddedToken> tokens);

  /// The first match at or behind offset `from`.
  [[nodiscard]] std::optional<Match> find(std::string_view text, std::size_t from) const;
  [[nodiscard]] const AddedToken* find_text(std::string_view text) const;
  [[nodiscard]] const AddedToken* find_id(int id) const;
  [[nodiscard]] std::span<const AddedToken> all() const { return tokens_; }

 private:
  // Indices into tokens_, which stands longest first.
  std::vector<AddedToken> tokens_;
  std::array<std::vector<std::size_t>, 256> by_first_byte_;  ///< longest first
  std::unordered_map<int, std::size_t> by_id_;
};

}  // namespace nntune::tokenizer
