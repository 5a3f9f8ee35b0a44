#include "compiler/tokenizer/added_tokens.h"

#include <algorithm>
#include <cassert>

namespace nntune::tokenizer {

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::stable_sort(tokens_.begin(), tokens_.end(),
                   [](const AddedToken& a, const AddedToken& b) { return a.text.size() > b.text.size(); });
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    assert(!tokens_[i].text.empty());
    by_first_byte_[static_cast<unsigned char>(tokens_[i].text.front())].push_back(i);
    by_id_.emplace(tokens_[i].id, i);
  }
}

std::optional<AddedTokens::Match> AddedTokens::find(std::string_view text, std::size_t from) const {
  for (std::size_t at = from; at < text.size(); ++at) {
    for (const std::size_t i : by_first_byte_[static_cast<unsigned char>(text[at])]) {
      if (text.substr(at).starts_with(tokens_[i].text)) return Match{at, &tokens_[i]};
    }
  }
  return std::nullopt;
}

const AddedToken* AddedTokens::find_text(std::string_view text) const {
  if (text.empty()) return nullptr;
  for (const std::size_t i : by_first_byte_[static_cast<unsigned char>(text.front())]) {
    if (tokens_[i].text == text) return &tokens_[i];
  }
  return nullptr;
}

const AddedToken* AddedTokens::find_id(int id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

}  // namespace nntune::tokenizer
