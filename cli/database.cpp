#include "cli/database.h"

namespace nntune::cli {

Expected<std::filesystem::path> database_path(const std::optional<std::filesystem::path>& given) {
  return given ? *given : db::default_path();
}

Expected<db::Database> open_for_reading(const std::optional<std::filesystem::path>& given) {
  NNTUNE_ASSIGN(const std::filesystem::path path, database_path(given));
  return db::Database::open(path, given ? db::Mode::read_only : db::Mode::read_only_if_there);
}

}  // namespace nntune::cli
