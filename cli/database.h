/// Which tuning database a command means, and opening it.
#pragma once

#include <filesystem>
#include <optional>

#include "base/error.h"
#include "db/database.h"

namespace nntune::cli {

/// The file given with --db, else the default one.
[[nodiscard]] Expected<std::filesystem::path> database_path(const std::optional<std::filesystem::path>& given);

/// For a command that only reads: a file that was named must be there, while the default one need not be and then reads as an
/// empty database. Nothing is created or migrated. Errors: io (it is not there), unsupported (another schema), and the like.
[[nodiscard]] Expected<db::Database> open_for_reading(const std::optional<std::filesystem::path>& given);

}  // namespace nntune::cli
