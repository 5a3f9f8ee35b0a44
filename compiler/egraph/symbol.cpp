#include "compiler/egraph/symbol.h"

namespace nntune::egraph {

Symbol SymbolTable::intern(std::string_view text) {
  if (const auto found = ids_.find(text); found != ids_.end()) {
    return found->second;
  }
  const std::size_t brace = text.find('{');
  const bool has_payload = brace != std::string_view::npos && brace > 0;
  const Symbol parent = has_payload ? intern(text.substr(0, brace)) : 0;
  const auto symbol = static_cast<Symbol>(texts_.size());
  has_heads_ = has_heads_ || has_payload;
  texts_.emplace_back(text);
  heads_.push_back(has_payload ? parent : symbol);
  ids_.emplace(texts_.back(), symbol);
  return symbol;
}

std::optional<Symbol> SymbolTable::find(std::string_view text) const {
  const auto found = ids_.find(text);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace nntune::egraph
