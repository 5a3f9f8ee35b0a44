#include "compiler/tokenizer/vocabulary.h"

#include <fmt/format.h>

#include <cassert>

#include "compiler/tokenizer/byte_alphabet.h"

namespace nntune::tokenizer {

void Vocabulary::resize(int size) {
  assert(tokens_.empty() && size >= 0 && size <= kMaxTokens);
  tokens_.resize(static_cast<std::size_t>(size));
  ids_.reserve(static_cast<std::size_t>(size));
}

Status Vocabulary::add(int id, std::string bytes) {
  assert(id >= 0 && id < size());
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorKind::bad_input, fmt::format("token \"{}\" with id {} {}", bytes_to_alphabet(bytes), id, why));
  };
  std::string& token = tokens_[static_cast<std::size_t>(id)];
  if (bytes.empty()) return refuse("is empty");
  if (!token.empty()) return refuse(fmt::format("has the same id as \"{}\"", bytes_to_alphabet(token)));
  if (const auto other = find(bytes)) return refuse(fmt::format("is also there with id {}", *other));
  token = std::move(bytes);
  ids_.emplace(token, id);
  return {};
}

std::optional<int> Vocabulary::find(std::string_view bytes) const {
  const auto found = ids_.find(bytes);
  return found == ids_.end() ? std::nullopt : std::optional<int>(found->second);
}

std::string_view Vocabulary::bytes(int id) const {
  if (id < 0 || id >= size()) return {};
  return tokens_[static_cast<std::size_t>(id)];
}

}  // namespace nntune::tokenizer
