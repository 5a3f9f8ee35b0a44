#include "compiler/tokenizer/stream_decoder.h"

#include <utility>

#include "compiler/tokenizer/utf8.h"

namespace nntune::tokenizer {

std::string StreamDecoder::push(int id) {
  if (special_ == SpecialTokens::skip && tokenizer_->is_special(id)) return {};
  waiting_ += tokenizer_->bytes(id);
  const std::size_t certain = waiting_.size() - incomplete_utf8_suffix(waiting_);
  std::string text = replace_malformed_utf8(std::string_view(waiting_).substr(0, certain));
  waiting_.erase(0, certain);
  return text;
}

std::string StreamDecoder::finish() { return replace_malformed_utf8(std::exchange(waiting_, {})); }

}  // namespace nntune::tokenizer
