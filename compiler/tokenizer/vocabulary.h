/// The tokens that BPE makes: ids to bytes and back.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"

namespace nntune::tokenizer {

/// Ids may have gaps; each token is a non-empty string of bytes, not necessarily well-formed UTF-8.
class Vocabulary {
 public:
  /// Larger ids are refused: they would cost memory for nothing. The largest vocabularies in use have 262,144 tokens.
  static constexpr int kMaxTokens = 1 << 20;

  Vocabulary() = default;
  Vocabulary(Vocabulary&&) noexcept = default;
  Vocabulary& operator=(Vocabulary&&) noexcept = default;

  /// Makes room for ids below `size` (at most kMaxTokens) before the first add(); the index refers into the tokens,
  /// which must not move later.
  void resize(int size);

  /// Refuses an empty token, and an id or bytes that are taken.
  /// \param id  0 <= id < size()
  [[nodiscard]] Status add(int id, std::string bytes);

  [[nodiscard]] std::optional<int> find(std::string_view bytes) const;
  /// Empty for an id without a token, also outside 0..size().
  [[nodiscard]] std::string_view bytes(int id) const;
  /// Largest id + 1.
  [[nodiscard]] int size() const { return static_cast<int>(tokens_.size()); }

 private:
  std::vector<std::string> tokens_;
  std::unordered_map<std::string_view, int> ids_;
};

}  // namespace nntune::tokenizer
