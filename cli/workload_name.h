/// How people name a workload.
#pragma once

#include <string>

#include "base/error.h"
#include "compiler/schedule/workload.h"
#include "db/database.h"

namespace nntune::cli {

/// By canonical text, measured or not; or among those of the database by hash, by a beginning of it with four digits or more, or
/// by the short name that `explain` prints, however it was broken into lines. bad_input if there is none; if there are several,
/// it names their hashes.
[[nodiscard]] Expected<schedule::Workload> find_workload(const db::Database& database, const std::string& name);

}  // namespace nntune::cli
