/// Interned operator names: an e-node holds a 32-bit symbol, the text is kept once.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace nntune::egraph {

using Symbol = std::uint32_t;

/// Texts to small integers and back. A symbol such as "slice{0,64}" has the head "slice" (the text before '{'), which is a
/// symbol itself, so that patterns can ask for any slice.
class SymbolTable {
 public:
  Symbol intern(std::string_view text);
  [[nodiscard]] std::optional<Symbol> find(std::string_view text) const;
  [[nodiscard]] std::string_view text(Symbol symbol) const { return texts_[symbol]; }
  [[nodiscard]] Symbol head(Symbol symbol) const { return heads_[symbol]; }
  [[nodiscard]] std::size_t size() const { return texts_.size(); }
  /// Some symbol is not its own head.
  [[nodiscard]] bool has_heads() const { return has_heads_; }

 private:
  bool has_heads_ = false;
  std::deque<std::string> texts_;  // a deque, as the keys of ids_ point into it
  std::vector<Symbol> heads_;
  std::unordered_map<std::string_view, Symbol> ids_;
};

}  // namespace nntune::egraph
