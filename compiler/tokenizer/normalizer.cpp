#include "compiler/tokenizer/normalizer.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace nntune::tokenizer {

Expected<std::string> to_nfc(std::string_view text) {
  // Nothing below U+0300 is changed by NFC, and all of that is spelled with lead bytes below 0xCC.
  const auto below_u0300 = [](char c) { return static_cast<unsigned char>(c) < 0xCC; };
  if (std::all_of(text.begin(), text.end(), below_u0300)) return std::string(text);

  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &mapped, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  if (size < 0) {
    return fail(ErrorKind::bad_input, fmt::format("the text cannot be normalized ({})", utf8proc_errmsg(size)),
                "give it in smaller parts");
  }
  return std::string(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(size));
}

}  // namespace nntune::tokenizer
