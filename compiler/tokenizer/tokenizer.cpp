#include "compiler/tokenizer/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "compiler/tokenizer/normalizer.h"
#include "compiler/tokenizer/utf8.h"

namespace nntune::tokenizer {
namespace {

constexpr std::size_t kMaxTextBytes = std::size_t{1} << 30;  // BPE counts symbols in int

}  // namespace

Tokenizer::Tokenizer(TokenizerSpec spec, PreTokenizer pre_tokenizer, Bpe bpe, std::string_view source_json)
    : vocabulary_(std::move(spec.vocabulary)),
      added_tokens_(std::move(spec.added_tokens)),
      pre_tokenizer_(std::move(pre_tokenizer)),
      bpe_(std::move(bpe)),
      vocab_size_(vocabulary_.size()),
      source_json_(source_json) {
  for (const AddedToken& token : added_tokens_.all()) vocab_size_ = std::max(vocab_size_, token.id + 1);
}

Expected<Tokenizer> Tokenizer::from_json(std::string_view tokenizer_json, std::string_view name) {
  NNTUNE_ASSIGN(const Json json, parse_json(tokenizer_json, name));
  const auto build = [&]() -> Expected<Tokenizer> {
    NNTUNE_ASSIGN(TokenizerSpec spec, read_tokenizer_json(json));
    NNTUNE_ASSIGN(PreTokenizer pre_tokenizer, PreTokenizer::compile(spec.split_pattern));
    NNTUNE_ASSIGN(Bpe bpe, Bpe::create(spec.vocabulary, std::move(spec.merges)));
    return Tokenizer(std::move(spec), std::move(pre_tokenizer), std::move(bpe), tokenizer_json);
  };
  return build().map_error([&](Error error) {
    error.what = fmt::format("{}: {}", name, error.what);
    return error;
  });
}

Expected<std::vector<int>> Tokenizer::encode(std::string_view utf8) const {
  if (utf8.size() > kMaxTextBytes) {
    return fail(ErrorKind::bad_input, fmt::format("the text has {} bytes, more than {}", utf8.size(), kMaxTextBytes),
                "give it in smaller parts");
  }
  if (const std::size_t at = find_malformed_utf8(utf8); at != std::string_view::npos) {
    return fail(ErrorKind::bad_input,
                fmt::format("the text is not UTF-8 at byte {} (0x{:02X})", at, static_cast<unsigned char>(utf8[at])),
                "convert it to UTF-8 first, for example with iconv");
  }
  std::vector<int> ids;
  ids.reserve(utf8.size() / 3);
  std::size_t done = 0;
  while (const auto match = added_tokens_.find(utf8, done)) {
    NNTUNE_TRY(encode_plain(utf8.substr(done, match->begin - done), ids));
    ids.push_back(match->token->id);
    done = match->begin + match->token->text.size();
  }
  NNTUNE_TRY(encode_plain(utf8.substr(done), ids));
  return ids;
}

Status Tokenizer::encode_plain(std::string_view text, std::vector<int>& ids) const {
  if (text.empty()) return {};
  const std::string normalized = to_nfc(text);
  NNTUNE_ASSIGN(const std::vector<std::string_view> words, pre_tokenizer_.split(normalized));
  for (const std::string_view word : words) bpe_.encode(word, ids);
  return {};
}

std::string Tokenizer::decode(std::span<const int> ids) const {
  std::string text;
  for (const int id : ids) text += bytes(id);
  return replace_malformed_utf8(text);
}

std::string_view Tokenizer::bytes(int id) const {
  if (const AddedToken* token = added_tokens_.find_id(id)) return token->text;
  return vocabulary_.bytes(id);
}

std::optional<int> Tokenizer::token_id(std::string_view text) const {
  if (const AddedToken* token = added_tokens_.find_text(text)) return token->id;
  return vocabulary_.find(text);
}

bool Tokenizer::is_special(int id) const {
  const AddedToken* token = added_tokens_.find_id(id);
  return token != nullptr && token->special;
}

}  // namespace nntune::tokenizer
