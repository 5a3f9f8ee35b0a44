// `nntune search`: tunes a model on this machine and remembers what it found.
#include "tuner/search.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "base/target.h"
#include "cli/command.h"
#include "cli/options.h"
#include "compiler/import/model.h"
#include "db/database.h"
#include "db/query.h"
#include "tuner/ablation.h"
#include "tuner/interrupt.h"
#include "tuner/interruptible.h"
#include "tuner/progress.h"
#include "tuner/worker_process.h"

namespace nntune::cli {
namespace {

/// As a shell reports a program that Ctrl-C ended.
constexpr int kInterrupted = 130;
constexpr const char* kDefaultBudget = "3m";

void declare(Options& options) {
  declare_model_options(options);
  declare_allow_option(options);
  options.add("budget",
              fmt::format("time for all of it, e.g. 90s, 10m (default: {}, or none with --trials)", kDefaultBudget), "TIME");
  options.add("trials", "end tuning after so many candidates", "N");
  options.add("seed", "of the search's choices", "N", "1");
  options.add_list(
      "ablate",
      "then search again without each of these rule families, or by a fixed \"pipeline\", or without \"nothing\", and "
      "compare",
      "FAMILY,...");
  options.flag("json", "print events on stdout, one JSON object a line");
}

/// This machine as the database knows it; measured now if it does not.
Expected<Target> known_target(const db::Database& database, const std::string& isa, tuner::Progress& progress) {
  NNTUNE_ASSIGN(const Target probed, probe_target(isa));
  NNTUNE_ASSIGN(const auto stored, db::find_target(database, probed));
  if (stored) return stored->latest;
  progress.note("measuring this machine once, half a minute at most");
  return tuner::run_interruptibly([isa] { return measure_target(isa); });
}

/// True if it was interrupted.
Expected<bool> search(const ModelOptions& model_options, const tuner::SearchOptions& options,
                      const std::vector<std::string>& ablations, tuner::Progress& progress) {
  auto path = model_options.db;
  if (!path) {
    NNTUNE_ASSIGN(path, db::default_path());
  }
  NNTUNE_ASSIGN(auto opened, db::Database::open(*path, db::Mode::read_write));
  auto database = std::make_shared<db::Database>(std::move(opened));
  NNTUNE_ASSIGN(auto loaded, tuner::run_interruptibly([name = model_options.model, weights = model_options.weights] {
                  return import::load_model(name, weights);
                }));
  const auto model = std::make_shared<import::Model>(std::move(loaded));
  NNTUNE_ASSIGN(const Target target, known_target(*database, model_options.isa, progress));
  if (ablations.empty()) {
    NNTUNE_ASSIGN(const auto report, tuner::search(model, target, std::move(database), options, progress));
    return report.interrupted;
  }
  NNTUNE_ASSIGN(const auto report, tuner::ablate(model, target, database, options, ablations, progress));
  return report.interrupted;
}

/// At once: a module may still be loading on a thread that was left behind. All results are on the disk.
[[noreturn]] void leave_interrupted() {
  std::fflush(stdout);
  std::fflush(stderr);
  _exit(kInterrupted);
}

Expected<int> run(const Arguments& arguments) {
  NNTUNE_ASSIGN(const ModelOptions model_options, read_model_options(arguments));
  tuner::SearchOptions options;
  options.dtype = model_options.dtype;
  options.threads = model_options.threads;
  // A model too large for this machine is tuned with fewer layers, unless a limit is given.
  options.limits = model_options.limits(model_options.memory_given);
  options.nntune_version = NNTUNE_VERSION;
  options.worker_binary = tuner::own_binary();
  options.arguments = arguments.as_typed();
  if (arguments.has("trials")) {
    NNTUNE_ASSIGN(options.trials, parse_integer(arguments.text("trials"), "--trials", 1, 1'000'000'000));
  }
  if (arguments.has("budget") || !options.trials) {
    const std::string text = arguments.has("budget") ? arguments.text("budget") : kDefaultBudget;
    NNTUNE_ASSIGN(options.budget, parse_duration(text, "--budget"));
  }
  NNTUNE_ASSIGN(const std::int64_t seed, parse_integer(arguments.text("seed"), "--seed", 0, INT64_MAX));
  options.seed = static_cast<std::uint64_t>(seed);

  std::vector<std::string> ablations;
  if (arguments.has("ablate")) ablations = arguments.list("ablate");
  NNTUNE_TRY(tuner::parse_ablations(ablations));

  const tuner::InterruptGuard guard;
  tuner::Progress progress(tuner::Progress::style_for(stderr, arguments.has("json")), stderr, stdout);
  const auto was_interrupted = search(model_options, options, ablations, progress);
  if (!was_interrupted) {
    if (was_interrupted.error().kind == ErrorKind::interrupted) leave_interrupted();
    return tl::unexpected<Error>(was_interrupted.error());
  }
  if (*was_interrupted) leave_interrupted();
  return 0;
}

}  // namespace

extern const Command kSearchCommand;
const Command kSearchCommand = {
    "search", "MODEL", "find the fastest kernels for a model on this machine", declare, run,
};

}  // namespace nntune::cli
