#include "base/json.h"

#include <fmt/format.h>

#include "base/file.h"

namespace nntune {

Expected<Json> parse_json(std::string_view text, std::string_view name) {
  try {
    return Json::parse(text);
  } catch (const Json::exception& e) {
    return fail(ErrorKind::bad_input, fmt::format("{} is not valid JSON ({})", name, e.what()),
                "repair or replace the file");
  }
}

Expected<Json> read_json(const std::filesystem::path& path) {
  NNTUNE_ASSIGN(const std::string text, read_file(path));
  return parse_json(text, path.string());
}

}  // namespace nntune
