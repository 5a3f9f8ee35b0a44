#include "tuner/search.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "base/bandwidth.h"
#include "base/duration.h"
#include "base/json.h"
#include "base/other_load.h"
#include "compiler/kernels/family.h"
#include "compiler/module/build.h"
#include "compiler/module/model_program.h"
#include "cost_model/database_cost.h"
#include "cost_model/estimate_cost.h"
#include "db/query.h"
#include "tuner/end_to_end.h"
#include "tuner/finals.h"
#include "tuner/interrupt.h"
#include "tuner/interruptible.h"
#include "tuner/measurer.h"
#include "tuner/memory.h"
#include "tuner/tasks.h"
#include "tuner/worker_pool.h"
#include "tuner/worker_process.h"

namespace nntune::tuner {
namespace {

using Clock = std::chrono::steady_clock;
using cost_model::Attitude;

/// Candidates proposed at once: enough for every core, few enough to learn from often.
constexpr std::size_t kBatch = 8;
/// Screening: short, as most candidates are not worth more.
constexpr TimingRequest kScreening{.samples = 7, .sample_seconds = 1e-3, .budget_seconds = 0.06};
/// Slower than this many times the best: no more samples.
constexpr double kGiveUp = 1.3;
/// Fraction of the budget that the finalists get, and the most of it in seconds; split over the rounds of the finals.
constexpr double kFinalsShare = 0.12;
constexpr double kMostFinalsSeconds = 60;
constexpr int kFinalRounds = 3;
constexpr double kFirstFinal = 0.6;
constexpr double kFurtherFinals = 0.2;
/// Extracting again costs this fraction of the time at most.
constexpr double kExtractionShare = 0.08;
/// The start and the result are compared at the end for this fraction of the budget, in rounds.
constexpr int kModulesKept = 2;
constexpr double kDuelShare = 0.15;
constexpr double kLeastDuelSeconds = 6;
constexpr double kMostDuelSeconds = 45;
constexpr int kLeastRounds = 2;
constexpr int kMostRounds = 10;

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

/// Read bandwidth from memory now, of all threads together; NaN if there is no memory for it.
double dram_bandwidth_now(const Target& target, int threads) {
  const std::int64_t bytes = std::clamp<std::int64_t>(4 * target.l3_bytes, 64 << 20, 512 << 20);
  const auto pages = Pages::allocate(static_cast<std::size_t>(bytes));
  if (!pages) return db::Measurement::kUnknown;
  std::ranges::fill(pages->bytes(), std::byte{1});
  return measure_read_bandwidth(pages->bytes(), threads, 3);
}

/// e.g. " without fusion".
std::string limits_text(const module::PlanLimits& limits) {
  std::string text = limits.pipeline ? " by a fixed pipeline" : "";
  if (!limits.without.empty()) text += fmt::format(" without {}", fmt::join(limits.without, ", "));
  if (!limits.allowed.empty()) text += fmt::format(" with {} allowed", fmt::join(limits.allowed, ", "));
  return text;
}

class Search {
 public:
  Search(std::shared_ptr<const import::Model> model, const Target& target, std::shared_ptr<db::Database> database,
         const SearchOptions& options, Progress& progress)
      : model_(std::move(model)),
        target_(target),
        database_(std::move(database)),
        options_(options),
        progress_(progress),
        estimates_(std::make_shared<cost_model::EstimateCostModel>(target)),
        tasks_([this](const schedule::Workload& workload) { return open_task(workload); }) {}

  Expected<SearchReport> run();

 private:
  double elapsed() const { return seconds_between(begin_, Clock::now()); }
  double budget() const { return options_.budget ? std::chrono::duration<double>(*options_.budget).count() : 0; }
  /// Seconds left for tuning, when the final measurements are paid for.
  double left() const {
    return options_.budget ? budget() - elapsed() - reserve_seconds_ : std::numeric_limits<double>::infinity();
  }
  bool trials_left() const { return !options_.trials || measurer_->stored() < *options_.trials; }

  Status steps();
  Status measure_start();
  Status tune();
  Status tune_once(Task& task);
  Status finals();
  Status measure_result();

  Expected<extract::Extraction> plan(std::shared_ptr<const extract::CostModel> costs);
  Status extract(Attitude attitude);
  Status references_for_new_tasks();
  Expected<Task> open_task(const schedule::Workload& workload);
  Expected<std::shared_ptr<Contestant>> build(const extract::Extraction& extraction,
                                              std::shared_ptr<const extract::CostModel> costs);
  db::Throughput estimate(const extract::Program& program) const;
  /// Lower bound of a call, with memory as fast as it was beside its measurement; NaN: as the target says.
  double roofline_seconds(const schedule::Workload& workload, double read_bytes_per_s) const;
  double other_load_cores() const { return load_.cores(pool_ ? pool_->pids() : std::vector<pid_t>()); }
  std::vector<Snapshot::Row> rows() const;
  void show(std::string_view stage, bool now = false);
  void summarize();

  std::shared_ptr<const import::Model> model_;
  const Target& target_;
  std::shared_ptr<db::Database> database_;
  const SearchOptions& options_;
  Progress& progress_;

  const Clock::time_point begin_ = Clock::now();
  const OtherLoad load_;
  std::int64_t target_id_ = 0;
  std::shared_ptr<cost_model::EstimateCostModel> estimates_;
  std::shared_ptr<cost_model::DatabaseCostModel> costs_;
  std::optional<extract::Extraction> extraction_;
  std::shared_ptr<module::ObjectCache> objects_ = std::make_shared<module::ObjectCache>();
  std::optional<WorkerPool> pool_;
  std::optional<Measurer> measurer_;
  TaskList tasks_;
  std::map<Hash128, Status> references_;

  std::shared_ptr<Contestant> start_;
  int rounds_ = kLeastRounds;  ///< of the comparison at the end
  double finals_seconds_ = 0;
  double reserve_seconds_ = 0;  ///< for all that comes after tuning
  double extract_seconds_ = 0;
  Clock::time_point last_extraction_{};
  const Task* active_ = nullptr;
  bool done_tuning_ = false;
  Snapshot snapshot_;
  SearchReport report_;
};

std::vector<Snapshot::Row> Search::rows() const {
  std::vector<Snapshot::Row> rows;
  for (const Task* task : tasks_.chosen()) {
    // Behind the finals, what it takes in the program.
    const auto known = done_tuning_ ? costs_->measurement(task->workload) : std::nullopt;
    const double best = known ? known->median_ns * 1e-9 : task->best_seconds();
    const double bound = known ? roofline_seconds(task->workload, known->dram_read_bytes_per_s) : task->roofline_seconds;
    rows.push_back({.name = row_name(task->workload),
                    .share = task->share,
                    .tried = task->tried,
                    .best_seconds = best,
                    .roofline = best > 0 ? bound / best : 0,
                    .active = task == active_});
  }
  return rows;
}

void Search::show(std::string_view stage, bool now) {
  snapshot_.stage = stage;
  snapshot_.elapsed_seconds = elapsed();
  snapshot_.measurements = measurer_ ? measurer_->stored() : 0;
  snapshot_.rows = rows();
  progress_.update(snapshot_, now);
}

double Search::roofline_seconds(const schedule::Workload& workload, double read_bytes_per_s) const {
  const auto family = kernels::find_family(workload);
  if (!family) return 0;
  const kernels::Work work = (*family)->work(workload, target_.isa);
  return kernels::roofline_seconds(work, target_.with_memory_at(read_bytes_per_s), workload.threads);
}

db::Throughput Search::estimate(const extract::Program& program) const {
  db::Throughput speed{.decode_context = extract::kPromptTokens};
  std::int64_t largest = 0;
  for (const extract::PhaseProgram& phase : program.phases) {
    if (phase.rows == 1) {
      speed.decode_tok_per_s = 1 / phase.seconds();
    } else if (phase.rows > largest) {
      largest = phase.rows;
      speed.prefill_tok_per_s = static_cast<double>(phase.rows) / phase.seconds();
    }
  }
  return speed;
}

Expected<extract::Extraction> Search::plan(std::shared_ptr<const extract::CostModel> costs) {
  // The database is captured for the costs, which read it.
  return run_interruptibly([costs = std::move(costs), database = database_, config = model_->config, dtype = options_.dtype,
                            threads = options_.threads, isa = target_.isa, limits = options_.limits] {
    return module::plan_model(config, dtype, threads, isa, *costs, limits);
  });
}

Status Search::extract(Attitude attitude) {
  const Clock::time_point begin = Clock::now();
  NNTUNE_ASSIGN(costs_, cost_model::DatabaseCostModel::make(*database_, target_id_, estimates_, attitude));
  NNTUNE_ASSIGN(extraction_, plan(costs_));
  NNTUNE_TRY(costs_->status());
  NNTUNE_TRY(tasks_.update(extraction_->explanation));
  snapshot_.now = estimate(extraction_->program);
  last_extraction_ = Clock::now();
  extract_seconds_ = seconds_between(begin, last_extraction_);
  return {};
}

Expected<Task> Search::open_task(const schedule::Workload& workload) {
  NNTUNE_ASSIGN(const kernels::Family* family, kernels::find_family(workload));
  Task task;
  task.workload = workload;
  task.roofline_seconds = roofline_seconds(workload, db::Measurement::kUnknown);
  const auto cost = [family, workload, target = &target_](const schedule::Schedule& schedule) {
    return family->estimate_seconds(workload, schedule, *target);
  };
  task.evolution = std::make_unique<Evolution>(family->space(workload, target_), cost, options_.seed ^ workload.hash().high);
  // What earlier sessions know: nothing is tried twice, and the best are parents.
  NNTUNE_ASSIGN(const auto tried, db::tried(*database_, target_id_, workload.hash()));
  for (const auto& [schedule, what] : tried) task.evolution->exclude(schedule);
  task.tried = static_cast<std::int64_t>(tried.size());
  report_.reused += task.tried;
  NNTUNE_ASSIGN(const auto ranking, db::ranking(*database_, target_id_, workload.hash(), Evolution::kEliteSize));
  for (const db::Measurement& known : ranking) {
    const auto json = parse_json(known.schedule, "stored schedule");
    if (!json) continue;
    const auto schedule = family->space(workload, target_).read(*json);
    if (!schedule) continue;
    if (task.evolution->elite().empty()) task.roofline_seconds = roofline_seconds(workload, known.dram_read_bytes_per_s);
    task.evolution->record(*schedule, known.median_ns * 1e-9);
  }
  return task;
}

Expected<std::shared_ptr<Contestant>> Search::build(const extract::Extraction& extraction,
                                                    std::shared_ptr<const extract::CostModel> costs) {
  const std::int64_t layers = model_->config.layers;
  const std::int64_t fitting =
      start_ ? start_->scale().measured_layers
             : layers_that_fit(static_cast<std::size_t>(extraction.explanation.stored_bytes), layers, kModulesKept);
  if (fitting < layers && !start_) {
    progress_.note(
        fmt::format("{} modules of {} layers do not fit into memory: speeds are measured with {} layers and scaled",
                    kModulesKept, layers, fitting));
  }
  ContestantRequest request{.model = model_,
                            .extraction = extraction,
                            .costs = std::move(costs),
                            .objects = objects_,
                            .dtype = options_.dtype,
                            .isa = target_.isa,
                            .threads = options_.threads,
                            .measured_layers = fitting};
  // The database is captured for the costs, which read it.
  return run_interruptibly([request = std::move(request), database = database_] { return make_contestant(request); });
}

Status Search::measure_start() {
  // What `compile` makes with an empty database.
  NNTUNE_ASSIGN(const auto extraction, plan(estimates_));
  NNTUNE_TRY(tasks_.add_start(extraction.explanation));
  const Clock::time_point begin = Clock::now();
  NNTUNE_ASSIGN(start_, build(extraction, estimates_));
  const double build_seconds = seconds_between(begin, Clock::now());
  // Against itself: a first impression, and how long a round takes.
  const auto alone = std::make_shared<Duel>(start_, start_);
  const OtherLoad load;
  NNTUNE_TRY(run_interruptibly([alone] { return alone->round(); }));
  const double other_load_cores = load.cores();
  report_.start = alone->result().first;
  snapshot_.start = *report_.start;
  const double round = std::max(alone->last_round_seconds(), 1e-3);
  const double duel_seconds = std::clamp(kDuelShare * budget(), kLeastDuelSeconds, kMostDuelSeconds);
  rounds_ = std::clamp(static_cast<int>(duel_seconds / round), kLeastRounds, kMostRounds);
  finals_seconds_ = std::clamp(kFinalsShare * budget(), round, kMostFinalsSeconds);
  reserve_seconds_ = 3.3 * build_seconds + finals_seconds_ + rounds_ * round + 1;
  progress_.note(fmt::format("start, measured: prefill {:.1f}, decode {:.1f} tok/s behind {} tokens",
                             report_.start->prefill_tok_per_s, report_.start->decode_tok_per_s,
                             report_.start->decode_context));
  if (other_load_cores >= kToldLoadCores) {
    progress_.note(
        fmt::format("{} meanwhile: that slows down what is measured", other_load_text(other_load_cores, target_.cores)));
  }
  progress_.event({{"event", "start"},
                   {"prefill", report_.start->prefill_tok_per_s},
                   {"decode", report_.start->decode_tok_per_s},
                   {"decode_context", report_.start->decode_context},
                   {"other_load_cores", other_load_cores}});
  return {};
}

Status Search::references_for_new_tasks() {
  std::vector<schedule::Workload> workloads;
  std::vector<Task*> opened;
  for (const auto& task : tasks_.tasks()) {
    if (references_.contains(task->workload.hash()) || (task->share <= 0 && !task->in_start)) continue;
    workloads.push_back(task->workload);
    opened.push_back(task.get());
  }
  if (workloads.empty()) return {};
  NNTUNE_ASSIGN(const auto results, pool_->compute_references(workloads, std::chrono::minutes(10)));
  for (std::size_t i = 0; i < results.size(); ++i) {
    references_[workloads[i].hash()] = results[i];
    if (results[i]) continue;
    opened[i]->closed = opened[i]->untunable = true;
    progress_.note(fmt::format("not tuned: {}: {}", row_name(workloads[i]), results[i].error().message()));
  }
  return {};
}

Status Search::tune_once(Task& task) {
  active_ = &task;
  std::size_t count = kBatch;
  if (options_.trials)
    count = std::min(count, static_cast<std::size_t>(std::max<std::int64_t>(0, *options_.trials - measurer_->stored())));
  const auto schedules = task.evolution->propose(count);
  if (schedules.empty()) {
    task.closed = true;
    return {};
  }
  // The machine drifts between batches: all times of a task are put in terms of one of its schedules, timed in each batch.
  // The best one would not do: it is the best because its time was lucky, too, and would pull all later ones down with it.
  if (!task.anchor && !task.evolution->elite().empty()) {
    task.anchor = task.evolution->elite().front().schedule;
    task.anchor_seconds = task.best_seconds();
  }
  TimingRequest timing = kScreening;
  if (task.anchor) timing.give_up_seconds = task.best_seconds() * kGiveUp * task.drift;
  NNTUNE_ASSIGN(const auto batch, measurer_->measure(task.workload, schedules, timing, task.anchor));
  if (std::isfinite(batch.anchor_seconds)) task.drift = batch.anchor_seconds / task.anchor_seconds;
  // Until there is an anchor, times are those of this batch.
  if (!task.anchor) task.roofline_seconds = roofline_seconds(task.workload, measurer_->read_bytes_per_s());
  const double drift = task.drift;
  for (const Measurer::Result& result : batch.results) {
    const bool better = result.seconds / drift < task.best_seconds() * 0.995;
    task.evolution->record(result.schedule, result.seconds / drift);
    ++task.tried;
    task.stale = better ? 0 : task.stale + 1;
    progress_.event({{"event", "measurement"},
                     {"workload", task.workload.text()},
                     {"schedule", result.schedule.knobs},
                     {"verdict", db::to_string(result.verdict)},
                     {"median_ns", std::isfinite(result.seconds) ? Json(result.seconds * 1e9) : Json(nullptr)}});
  }
  if (task.evolution->exhausted()) task.closed = true;
  return {};
}

Status Search::tune() {
  bool covered = false;
  while (left() > 0 && trials_left()) {
    Task* const task = tasks_.next();
    if (task == nullptr) break;
    const bool now_covered = task->tried >= TaskList::kCoverage;
    const double since = seconds_between(last_extraction_, Clock::now());
    if (since * kExtractionShare > extract_seconds_ || (now_covered && !covered)) {
      covered = covered || now_covered;
      NNTUNE_TRY(extract(Attitude::curious));
      NNTUNE_TRY(references_for_new_tasks());
      continue;
    }
    show("tuning");
    NNTUNE_TRY(tune_once(*task));
  }
  return {};
}

Status Search::finals() {
  Finals finals(*measurer_, *database_, target_id_, *estimates_, objects_);
  double share = kFirstFinal;
  // What is timed in the finals changes the program, which may bring up workloads that were not in them.
  for (int round = 0; round < kFinalRounds; ++round) {
    NNTUNE_TRY(extract(Attitude::careful));
    NNTUNE_TRY(references_for_new_tasks());
    std::vector<Task*> players;
    bool fresh = round == 0;
    for (const auto& task : tasks_.tasks()) {
      if (task->untunable || !(task->chosen || task->in_start || finals.played(*task))) continue;
      players.push_back(task.get());
      fresh = fresh || !finals.played(*task);
    }
    if (!fresh || players.empty()) return {};
    show("building the tuned module", true);
    NNTUNE_ASSIGN(auto tuned, build(*extraction_, costs_));
    NNTUNE_TRY(finals.play({start_, std::move(tuned)}, players, share * finals_seconds_,
                           [this] { show("timing the finalists in the program"); }));
    share = kFurtherFinals;
  }
  return extract(Attitude::careful);
}

Status Search::measure_result() {
  active_ = nullptr;
  show("building the tuned module", true);
  NNTUNE_ASSIGN(auto tuned, build(*extraction_, costs_));
  const auto duel = std::make_shared<Duel>(start_, std::move(tuned));
  for (int i = 0; i < rounds_; ++i) {
    show("measuring start and result in turn", i == 0);
    NNTUNE_TRY(run_interruptibly([duel] { return duel->round(); }));
  }
  if (!duel->pages_exchanged()) progress_.note(kPagesNotExchanged);
  std::tie(report_.start, report_.result) = duel->result();
  return {};
}

Status Search::steps() {
  progress_.note(fmt::format("{}; weights: {}", snapshot_.title, model_->weights->description()));
  progress_.event(
      {{"event", "begin"}, {"model", model_->name}, {"target", target_.short_name}, {"threads", options_.threads}});
  const double dram = dram_bandwidth_now(target_, options_.threads);
  show("measuring the start", true);
  NNTUNE_TRY(measure_start());

  NNTUNE_ASSIGN(pool_, WorkerPool::start(options_.worker_binary, target_, static_cast<int>(allowed_cpus().size())));
  measurer_.emplace(*pool_, *database_, target_,
                    Provenance{.target_id = target_id_,
                               .session_id = report_.session_id,
                               .nntune_version = options_.nntune_version,
                               .dram_read_bytes_per_s = dram});
  NNTUNE_TRY(extract(Attitude::curious));
  if (report_.reused > 0) progress_.note(fmt::format("{} measurements of earlier sessions are reused", report_.reused));
  show("computing reference results", true);
  NNTUNE_TRY(references_for_new_tasks());
  NNTUNE_TRY(tune());
  NNTUNE_TRY(finals());
  done_tuning_ = true;
  return measure_result();
}

void Search::summarize() {
  const auto speed = [](const db::Throughput& s) {
    return fmt::format("prefill {:.1f}, decode {:.1f} behind {} tokens", s.prefill_tok_per_s, s.decode_tok_per_s,
                       s.decode_context);
  };
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{} {} in {}: {} measured, {} reused, stored in {}",
                              report_.interrupted ? "interrupted" : "done", model_->name, clock_text(elapsed()),
                              report_.measurements, report_.reused, database_->path().string()));
  active_ = nullptr;
  for (std::string& line : render_rows(rows(), 80)) lines.push_back(std::move(line));
  if (report_.start && report_.result) {
    lines.push_back(fmt::format("measured tok/s: prefill {:.1f} -> {:.1f}, decode {:.1f} -> {:.1f} behind {} tokens",
                                report_.start->prefill_tok_per_s, report_.result->prefill_tok_per_s,
                                report_.start->decode_tok_per_s, report_.result->decode_tok_per_s,
                                report_.result->decode_context));
  } else if (report_.start) {
    lines.push_back(
        fmt::format("measured tok/s at the start: {}; run the same command again to go on", speed(*report_.start)));
  } else {
    lines.push_back("run the same command again to go on");
  }
  if (report_.other_load_cores >= kToldLoadCores) {
    lines.push_back(fmt::format("{} meanwhile: on a quiet machine all of this is faster",
                                other_load_text(report_.other_load_cores, target_.cores)));
  }
  const auto json = [](const std::optional<db::Throughput>& s) {
    return s ? Json{{"prefill", s->prefill_tok_per_s}, {"decode", s->decode_tok_per_s}} : Json(nullptr);
  };
  Json done = {{"event", "done"},
               {"start", json(report_.start)},
               {"result", json(report_.result)},
               {"decode_context", report_.start ? Json(report_.start->decode_context) : Json(nullptr)},
               {"other_load_cores", report_.other_load_cores},
               {"measurements", report_.measurements},
               {"reused", report_.reused}};
  if (report_.interrupted) done["interrupted"] = true;
  progress_.finish(lines, done);
}

Expected<SearchReport> Search::run() {
  snapshot_.title = fmt::format("search {}{} on {}, {} thread{}", model_->name, limits_text(options_.limits),
                                target_.short_name, options_.threads, options_.threads == 1 ? "" : "s");
  snapshot_.budget_seconds = budget();
  snapshot_.trials = options_.trials.value_or(0);
  NNTUNE_ASSIGN(target_id_, database_->record_target(target_));
  db::Session session;
  session.command = "search";
  session.model = model_->name;
  session.arguments = options_.arguments;
  session.target_id = target_id_;
  session.threads = options_.threads;
  if (options_.budget) session.budget_s = budget();
  session.nntune_version = options_.nntune_version;
  NNTUNE_ASSIGN(report_.session_id, database_->begin_session(session));

  const Status status = steps();
  report_.measurements = measurer_ ? measurer_->stored() : 0;
  report_.interrupted = !status && status.error().kind == ErrorKind::interrupted;
  const db::Outcome outcome =
      status ? db::Outcome::done : (report_.interrupted ? db::Outcome::interrupted : db::Outcome::failed);
  report_.other_load_cores = other_load_cores();
  const Status ended =
      database_->end_session(report_.session_id, outcome, report_.start, report_.result, report_.other_load_cores);
  if (!status && !report_.interrupted) return tl::unexpected(status.error());
  NNTUNE_TRY(ended);
  summarize();
  return report_;
}

}  // namespace

Expected<SearchReport> search(std::shared_ptr<const import::Model> model, const Target& target,
                              std::shared_ptr<db::Database> database, const SearchOptions& options, Progress& progress) {
  return Search(std::move(model), target, std::move(database), options, progress).run();
}

}  // namespace nntune::tuner
