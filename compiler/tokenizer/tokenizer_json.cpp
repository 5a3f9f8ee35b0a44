#include "compiler/tokenizer/tokenizer_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "base/json.h"
#include "compiler/tokenizer/byte_alphabet.h"

namespace nntune::tokenizer {
namespace {

constexpr std::string_view kBadInputHint = "use the unchanged tokenizer.json of the model";
constexpr std::string_view kUnsupportedHint = "use a model with a byte-level BPE tokenizer in the form of Qwen3's";

tl::unexpected<Error> malformed(std::string what) {
  return fail(ErrorKind::bad_input, std::move(what), std::string(kBadInputHint));
}
tl::unexpected<Error> unsupported(std::string what) {
  return fail(ErrorKind::unsupported, std::move(what), std::string(kUnsupportedHint));
}

/// A value cut to what fits into a line of an error.
std::string shown(const Json& value) {
  constexpr std::size_t kLongest = 60;
  if (value.is_object() || value.is_array()) return value.empty() ? value.dump() : fmt::format("an {}", value.type_name());
  std::string text = value.dump(-1, ' ', true);
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

/// An object of the file with its place in it, such as `pre_tokenizer.pretokenizers[0]`.
class Section {
 public:
  [[nodiscard]] static Expected<Section> of(const Json& value, std::string place) {
    if (!value.is_object()) return malformed(fmt::format("{} is {} instead of an object", place, shown(value)));
    return Section(value, std::move(place));
  }
  /// The member `key`, which must be an object.
  [[nodiscard]] Expected<Section> section(const char* key) const { return of(at(key), path(key)); }

  /// The member `key`, null if it is missing.
  [[nodiscard]] const Json& at(const char* key) const {
    static const Json null;
    const auto found = value_->find(key);
    return found == value_->end() ? null : *found;
  }
  [[nodiscard]] std::string path(std::string_view key) const {
    return place_.empty() ? std::string(key) : fmt::format("{}.{}", place_, key);
  }

  /// A key that this version does not know may change the ids.
  [[nodiscard]] Status allow(std::initializer_list<std::string_view> keys) const {
    for (const auto& [key, value] : value_->items()) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
        return unsupported(fmt::format("{} is unknown", path(shown(key))));
      }
    }
    return {};
  }
  /// The member must be one of `values`; null stands for a missing member.
  [[nodiscard]] Status require(const char* key, std::initializer_list<Json> values) const {
    const Json& value = at(key);
    if (std::find(values.begin(), values.end(), value) != values.end()) return {};
    return unsupported(fmt::format("{} is {}, but only {} is supported", path(key), shown(value), shown(*values.begin())));
  }
  [[nodiscard]] Expected<std::string> string(const char* key) const {
    const Json& value = at(key);
    if (!value.is_string()) return malformed(fmt::format("{} is {} instead of a string", path(key), shown(value)));
    return value.get<std::string>();
  }

 private:
  Section(const Json& value, std::string place) : value_(&value), place_(std::move(place)) {}
  const Json* value_;
  std::string place_;
};

bool is_id(const Json& value) {
  if (!value.is_number_integer()) return false;
  const auto id = value.get<std::int64_t>();  // what is too large for it becomes negative
  return id >= 0 && id < Vocabulary::kMaxTokens;
}

Expected<int> read_id(const Json& value, std::string_view place) {
  if (!is_id(value)) {
    return malformed(fmt::format("{} is {} instead of an id from 0 to {}", place, shown(value), Vocabulary::kMaxTokens - 1));
  }
  return value.get<int>();
}

/// ByteLevel stands in three places and does nothing but spell bytes as characters in the only supported form.
Status read_byte_level(const Section& section) {
  NNTUNE_TRY(section.allow({"type", "add_prefix_space", "trim_offsets", "use_regex"}));
  NNTUNE_TRY(section.require("type", {"ByteLevel"}));
  return {};
}

Expected<std::string> read_pre_tokenizer(const Section& root) {
  NNTUNE_ASSIGN(const Section sequence, root.section("pre_tokenizer"));
  NNTUNE_TRY(sequence.require("type", {"Sequence"}));
  NNTUNE_TRY(sequence.allow({"type", "pretokenizers"}));
  const Json& parts = sequence.at("pretokenizers");
  if (!parts.is_array()) {
    return malformed(fmt::format("pre_tokenizer.pretokenizers is {} instead of an array", shown(parts)));
  }
  if (parts.size() != 2) {
    return unsupported(fmt::format("pre_tokenizer has {} parts, but only Split then ByteLevel is supported", parts.size()));
  }
  NNTUNE_ASSIGN(const Section split, Section::of(parts[0], "pre_tokenizer.pretokenizers[0]"));
  NNTUNE_TRY(split.require("type", {"Split"}));
  NNTUNE_TRY(split.allow({"type", "pattern", "behavior", "invert"}));
  NNTUNE_TRY(split.require("behavior", {"Isolated"}));
  NNTUNE_TRY(split.require("invert", {false}));
  NNTUNE_ASSIGN(const Section pattern, split.section("pattern"));
  NNTUNE_TRY(pattern.allow({"Regex"}));
  NNTUNE_ASSIGN(std::string regex, pattern.string("Regex"));

  NNTUNE_ASSIGN(const Section byte_level, Section::of(parts[1], "pre_tokenizer.pretokenizers[1]"));
  NNTUNE_TRY(read_byte_level(byte_level));
  NNTUNE_TRY(byte_level.require("add_prefix_space", {false}));
  NNTUNE_TRY(byte_level.require("use_regex", {false}));
  return regex;
}

Expected<AddedTokens> read_added_tokens(const Section& root) {
  const Json& list = root.at("added_tokens");
  if (list.is_null()) return AddedTokens{};
  if (!list.is_array()) return malformed(fmt::format("added_tokens is {} instead of an array", shown(list)));
  std::vector<AddedToken> tokens;
  for (std::size_t i = 0; i < list.size(); ++i) {
    NNTUNE_ASSIGN(const Section section, Section::of(list[i], fmt::format("added_tokens[{}]", i)));
    NNTUNE_TRY(section.allow({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"}));
    for (const char* key : {"single_word", "lstrip", "rstrip", "normalized"}) NNTUNE_TRY(section.require(key, {false}));
    AddedToken token;
    NNTUNE_ASSIGN(token.id, read_id(section.at("id"), section.path("id")));
    NNTUNE_ASSIGN(token.text, section.string("content"));
    if (token.text.empty()) return malformed(fmt::format("{} is empty", section.path("content")));
    const Json& special = section.at("special");
    if (!special.is_boolean()) {
      return malformed(fmt::format("{} is {} instead of true or false", section.path("special"), shown(special)));
    }
    token.special = special.get<bool>();
    tokens.push_back(std::move(token));
  }
  std::vector<int> ids;
  std::vector<std::string_view> texts;
  for (const AddedToken& token : tokens) {
    ids.push_back(token.id);
    texts.push_back(token.text);
  }
  std::sort(ids.begin(), ids.end());
  std::sort(texts.begin(), texts.end());
  if (const auto twice = std::adjacent_find(ids.begin(), ids.end()); twice != ids.end()) {
    return malformed(fmt::format("added_tokens names id {} twice", *twice));
  }
  if (const auto twice = std::adjacent_find(texts.begin(), texts.end()); twice != texts.end()) {
    return malformed(fmt::format("added_tokens names {} twice", shown(Json(*twice))));
  }
  return AddedTokens(std::move(tokens));
}

Expected<Vocabulary> read_vocabulary(const Section& model, const AddedTokens& added) {
  const Json& entries = model.at("vocab");
  if (!entries.is_object()) return malformed(fmt::format("model.vocab is {} instead of an object", shown(entries)));
  int size = 0;
  for (const auto& [spelled, value] : entries.items()) {
    if (!is_id(value)) {  // the place is spelled only for the error: this loop runs 150,000 times
      NNTUNE_TRY(read_id(value, fmt::format("model.vocab[{}]", shown(spelled))));
    }
    size = std::max(size, value.get<int>() + 1);
  }
  Vocabulary vocabulary;
  vocabulary.resize(size);
  for (const auto& [spelled, value] : entries.items()) {
    const int id = value.get<int>();
    // A file may list an added token here too; the text then never reaches BPE, and its spelling may be free.
    if (const AddedToken* token = added.find_text(spelled)) {
      if (token->id == id) continue;
      return malformed(fmt::format("{} has id {} in added_tokens and id {} in model.vocab", shown(spelled), token->id, id));
    }
    if (const AddedToken* token = added.find_id(id)) {
      return malformed(
          fmt::format("id {} is {} in added_tokens and {} in model.vocab", id, shown(Json(token->text)), shown(spelled)));
    }
    std::optional<std::string> bytes = bytes_from_alphabet(spelled);
    if (!bytes) {
      return unsupported(fmt::format("model.vocab has {}, which is not spelled in the byte-level alphabet", shown(spelled)));
    }
    if (Status status = vocabulary.add(id, *std::move(bytes)); !status) {
      return malformed("model.vocab: " + status.error().what);
    }
  }
  return vocabulary;
}

/// The two halves of a merge in either spelling; the alphabet has no space, so "a b" is unambiguous.
std::optional<std::pair<std::string_view, std::string_view>> merge_halves(const Json& merge) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
    return std::pair<std::string_view, std::string_view>(merge[0].get_ref<const std::string&>(),
                                                         merge[1].get_ref<const std::string&>());
  }
  if (!merge.is_string()) return std::nullopt;
  const std::string_view text = merge.get_ref<const std::string&>();
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) return std::nullopt;
  return std::pair(text.substr(0, space), text.substr(space + 1));
}

Expected<MergeTable> read_merges(const Section& model, const Vocabulary& vocabulary) {
  const Json& list = model.at("merges");
  if (!list.is_array()) return malformed(fmt::format("model.merges is {} instead of an array", shown(list)));
  MergeTable merges;
  merges.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto halves = merge_halves(list[i]);
    if (!halves) return malformed(fmt::format("model.merges[{}] is {} instead of two tokens", i, shown(list[i])));
    const std::optional<std::string> left = bytes_from_alphabet(halves->first);
    const std::optional<std::string> right = bytes_from_alphabet(halves->second);
    const auto id = [&](const std::optional<std::string>& bytes) { return bytes ? vocabulary.find(*bytes) : std::nullopt; };
    const std::optional<int> left_id = id(left);
    const std::optional<int> right_id = id(right);
    if (!left_id || !right_id) {
      const std::string_view missing = left_id ? halves->second : halves->first;
      return malformed(fmt::format("model.merges[{}] names {}, which is not in model.vocab", i, shown(Json(missing))));
    }
    const std::optional<int> merged = vocabulary.find(*left + *right);
    if (!merged) {
      return malformed(fmt::format("model.merges[{}] makes {}, which is not in model.vocab", i,
                                   shown(Json(bytes_to_alphabet(*left + *right)))));
    }
    merges.add(*left_id, *right_id, *merged);
  }
  return merges;
}

}  // namespace

Expected<TokenizerSpec> read_tokenizer_json(const Json& json) {
  NNTUNE_ASSIGN(const Section root, Section::of(json, ""));
  NNTUNE_TRY(root.allow({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor",
                         "decoder", "model"}));
  NNTUNE_TRY(root.require("truncation", {nullptr}));
  NNTUNE_TRY(root.require("padding", {nullptr}));

  NNTUNE_ASSIGN(const Section normalizer, root.section("normalizer"));
  NNTUNE_TRY(normalizer.require("type", {"NFC"}));
  NNTUNE_TRY(normalizer.allow({"type"}));
  if (!root.at("post_processor").is_null()) {
    NNTUNE_ASSIGN(const Section post_processor, root.section("post_processor"));
    NNTUNE_TRY(read_byte_level(post_processor));
  }
  NNTUNE_ASSIGN(const Section decoder, root.section("decoder"));
  NNTUNE_TRY(read_byte_level(decoder));

  NNTUNE_ASSIGN(const Section model, root.section("model"));
  NNTUNE_TRY(model.require("type", {"BPE"}));
  NNTUNE_TRY(model.allow({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                          "byte_fallback", "ignore_merges", "vocab", "merges"}));
  for (const char* key : {"dropout", "unk_token"}) NNTUNE_TRY(model.require(key, {nullptr}));
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) NNTUNE_TRY(model.require(key, {"", nullptr}));
  for (const char* key : {"fuse_unk", "byte_fallback", "ignore_merges"}) NNTUNE_TRY(model.require(key, {false, nullptr}));

  TokenizerSpec spec;
  NNTUNE_ASSIGN(spec.split_pattern, read_pre_tokenizer(root));
  NNTUNE_ASSIGN(spec.added_tokens, read_added_tokens(root));
  NNTUNE_ASSIGN(spec.vocabulary, read_vocabulary(model, spec.added_tokens));
  NNTUNE_ASSIGN(spec.merges, read_merges(model, spec.vocabulary));
  return spec;
}

}  // namespace nntune::tokenizer
