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
#include "tuner/interrupt.h"
#include "tuner/interruptible.h"
#include "tuner/progress.h"
#include "tuner/worker_process.h"

namespace nntune::cli {
namespace {

/// As a shell reports a program that Ctrl-C ended.
constexpr int kInterrupted = 130;
constexpr const char* kDefaultBudget = "3m";

void declare(cxxopts::Options& options) {
  declare_model_options(options);
  auto add = options.add_options();
  add("budget", fmt::format("time for all of it, e.g. 90s, 10m (default: {}, or none with --trials)", kDefaultBudget),
      cxxopts::value<std::string>(), "TIME");
  add("trials", "end tuning after so many candidates", cxxopts::value<std::string>(), "N");
  add("seed", "of the search's choices", cxxopts::value<std::string>()->default_value("1"), "N");
  add("json", "print events on stdout, one JSON object a line");
}

/// This machine as the database knows it; measured now if it does not.
Expected<Target> known_target(const db::Database& database, const std::string& isa, tuner::Progress& progress) {
  NNTUNE_ASSIGN(const Target probed, probe_target(isa));
  NNTUNE_ASSIGN(const auto stored, db::find_target(database, probed));
  if (stored) return stored->latest;
  progress.note("measuring this machine once, half a minute at most");
  return tuner::run_interruptibly([isa] { return measure_target(isa); });
}

Expected<tuner::SearchReport> search(const ModelOptions& model_options, const tuner::SearchOptions& options,
                                     tuner::Progress& progress) {
  auto path = model_options.db;
  if (!path) {
    NNTUNE_ASSIGN(path, db::default_path());
  }
  NNTUNE_ASSIGN(auto opened, db::Database::open(*path, db::Mode::read_write));
  auto database = std::make_shared<db::Database>(std::move(opened));
  NNTUNE_ASSIGN(auto model, tuner::run_interruptibly([name = model_options.model, weights = model_options.weights] {
                  return import::load_model(name, weights);
                }));
  NNTUNE_ASSIGN(const Target target, known_target(*database, model_options.isa, progress));
  return tuner::search(std::make_shared<import::Model>(std::move(model)), target, std::move(database), options, progress);
}

std::string as_typed(const cxxopts::ParseResult& arguments) {
  std::string text;
  for (const cxxopts::KeyValue& argument : arguments.arguments()) {
    if (!text.empty()) text += ' ';
    text += fmt::format("--{} {}", argument.key(), argument.value());
  }
  return text;
}

/// At once: a module may still be loading on a thread that was left behind. All results are on the disk.
[[noreturn]] void leave_interrupted() {
  std::fflush(stdout);
  std::fflush(stderr);
  _exit(kInterrupted);
}

Expected<int> run(const cxxopts::ParseResult& arguments) {
  NNTUNE_ASSIGN(const ModelOptions model_options, read_model_options(arguments));
  tuner::SearchOptions options;
  options.dtype = model_options.dtype;
  options.threads = model_options.threads;
  options.nntune_version = NNTUNE_VERSION;
  options.worker_binary = tuner::own_binary();
  options.arguments = as_typed(arguments);
  if (arguments.count("trials") != 0) {
    NNTUNE_ASSIGN(options.trials, parse_integer(arguments["trials"].as<std::string>(), "--trials", 1, 1'000'000'000));
  }
  if (arguments.count("budget") != 0 || !options.trials) {
    const std::string text = arguments.count("budget") != 0 ? arguments["budget"].as<std::string>() : kDefaultBudget;
    NNTUNE_ASSIGN(options.budget, parse_duration(text, "--budget"));
  }
  NNTUNE_ASSIGN(const std::int64_t seed, parse_integer(arguments["seed"].as<std::string>(), "--seed", 0, INT64_MAX));
  options.seed = static_cast<std::uint64_t>(seed);

  const tuner::InterruptGuard guard;
  tuner::Progress progress(tuner::Progress::style_for(stderr, arguments.count("json") != 0), stderr, stdout);
  const auto report = search(model_options, options, progress);
  if (!report) {
    if (report.error().kind == ErrorKind::interrupted) leave_interrupted();
    return tl::unexpected<Error>(report.error());
  }
  if (report->interrupted) leave_interrupted();
  return 0;
}

}  // namespace

extern const Command kSearchCommand;
const Command kSearchCommand = {
    "search", "MODEL", "find the fastest kernels for a model on this machine", declare, run,
};

}  // namespace nntune::cli
