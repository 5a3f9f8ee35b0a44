#define PCRE2_CODE_UNIT_WIDTH 8
#include "compiler/tokenizer/pretokenizer.h"

#include <fmt/format.h>
#include <pcre2.h>

#include <array>
#include <cstdint>
#include <limits>

#include "compiler/tokenizer/utf8.h"

namespace nntune::tokenizer {
namespace {

std::string pcre2_message(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

std::string with_unicode_white_space(std::string_view pattern) {
  std::string rewritten;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '\\' || i + 1 == pattern.size()) {
      rewritten += pattern[i];
      continue;
    }
    const char escaped = pattern[++i];
    if (escaped == 's') {
      rewritten += "\\p{White_Space}";
    } else if (escaped == 'S') {
      rewritten += "\\P{White_Space}";
    } else {
      rewritten += '\\';
      rewritten += escaped;
    }
  }
  return rewritten;
}

struct FreeCode {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeMatchData {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct FreeMatchContext {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

}  // namespace

struct PreTokenizer::Regex {
  std::unique_ptr<pcre2_code, FreeCode> code;
  std::unique_ptr<pcre2_match_context, FreeMatchContext> context;
};

PreTokenizer::PreTokenizer(std::unique_ptr<Regex> regex) : regex_(std::move(regex)) {}
PreTokenizer::PreTokenizer(PreTokenizer&& other) noexcept = default;
PreTokenizer& PreTokenizer::operator=(PreTokenizer&& other) noexcept = default;
PreTokenizer::~PreTokenizer() = default;

Expected<PreTokenizer> PreTokenizer::compile(std::string_view pattern) {
  const std::string rewritten = with_unicode_white_space(pattern);
  int error = 0;
  PCRE2_SIZE error_at = 0;
  auto regex = std::make_unique<Regex>();
  regex->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(rewritten.data()), rewritten.size(),
                                  PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &error_at, nullptr));
  if (!regex->code) {
    return fail(ErrorKind::unsupported,
                fmt::format("the regular expression of the pre-tokenizer is not understood ({} at offset {} of {})",
                            pcre2_message(error), error_at, rewritten),
                "use a tokenizer in the form of Qwen3's");
  }
  // Without the JIT (no executable memory allowed) the interpreter gives the same pieces, more slowly.
  pcre2_jit_compile(regex->code.get(), PCRE2_JIT_COMPLETE);
  regex->context.reset(pcre2_match_context_create(nullptr));
  if (!regex->context) return fail(ErrorKind::io, "out of memory", "free some memory");
  // The default limit is hit by a few megabytes of spaces, which cost linear time with the expressions in use.
  pcre2_set_match_limit(regex->context.get(), std::numeric_limits<std::uint32_t>::max());
  return PreTokenizer(std::move(regex));
}

Expected<std::vector<std::string_view>> PreTokenizer::split(std::string_view text) const {
  std::vector<std::string_view> pieces;
  const std::unique_ptr<pcre2_match_data, FreeMatchData> match(pcre2_match_data_create(1, nullptr));
  if (!match) return fail(ErrorKind::io, "out of memory", "free some memory");
  const PCRE2_SIZE* const range = pcre2_get_ovector_pointer(match.get());

  std::size_t done = 0;  // everything before is in `pieces`
  for (std::size_t from = 0; from < text.size();) {
    const int code = pcre2_match(regex_->code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                                 PCRE2_NO_UTF_CHECK, match.get(), regex_->context.get());
    if (code == PCRE2_ERROR_NOMATCH) break;
    if (code < 0) {
      return fail(ErrorKind::unsupported, fmt::format("the pre-tokenizer gave up on the text ({})", pcre2_message(code)),
                  "give it in smaller parts");
    }
    const std::size_t begin = range[0];
    const std::size_t end = range[1];
    if (end <= begin || begin < done) {  // an empty match (or one moved by \K) cuts nothing: look behind the next character
      from = std::max(from, begin);
      if (from < text.size()) from += read_utf8(text.substr(from)).bytes;
      continue;
    }
    if (begin > done) pieces.push_back(text.substr(done, begin - done));
    pieces.push_back(text.substr(begin, end - begin));
    done = from = end;
  }
  if (done < text.size()) pieces.push_back(text.substr(done));
  return pieces;
}

}  // namespace nntune::tokenizer
