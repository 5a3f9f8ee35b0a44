/// `nntune search`: extract the best program under today's costs, measure the workloads on which most time hangs, learn,
/// extract again, until the budget ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/target.h"
#include "compiler/import/model.h"
#include "compiler/module/model_program.h"
#include "db/database.h"
#include "tuner/progress.h"

namespace nntune::tuner {

struct SearchOptions {
  graph::DType dtype = graph::DType::bf16;
  int threads = 1;
  /// All of it: extraction, tuning, and measuring whole modules before and after. One of the two budgets ends the search;
  /// neither: it ends when nothing is left to try.
  std::optional<std::chrono::milliseconds> budget;
  std::optional<std::int64_t> trials;  ///< measurements of this session
  std::uint64_t seed = 1;
  module::PlanLimits limits = {};  ///< which programs are looked for
  std::string arguments;           ///< as typed, for the record
  std::string nntune_version;
  std::filesystem::path worker_binary;  ///< tuner::own_binary() but in tests
};

struct SearchReport {
  std::int64_t session_id = 0;
  /// In tokens a second. `start` is what `compile` makes with an empty database.
  std::optional<db::Throughput> start;
  std::optional<db::Throughput> result;  ///< none: interrupted before
  std::int64_t measurements = 0;         ///< of this session
  std::int64_t reused = 0;               ///< of earlier sessions, for the workloads of this model
  double other_load_cores = 0;           ///< what other processes took meanwhile (base/other_load.h)
  bool interrupted = false;
};

/// Tunes `model` on `target`, which is recorded in the database. Every measurement is on the disk before the next begins.
/// Interrupted (InterruptGuard): ends within two seconds with what there is; the process must then leave by _exit, since an
/// extraction may still run, or a module load, on a thread that was left behind.
[[nodiscard]] Expected<SearchReport> search(std::shared_ptr<const import::Model> model, const Target& target,
                                            std::shared_ptr<db::Database> database, const SearchOptions& options,
                                            Progress& progress);

}  // namespace nntune::tuner
