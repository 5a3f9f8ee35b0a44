#include "tuner/finals.h"

#include <algorithm>

#include "base/other_load.h"
#include "compiler/runtime/code.h"
#include "cost_model/database_cost.h"
#include "db/query.h"
#include "tuner/interruptible.h"

namespace nntune::tuner {
namespace {

using schedule::Schedule;

/// Beside the incumbent and the default one. More would leave each with too few calls.
constexpr std::size_t kBest = 3;
constexpr int kMostRounds = 8;
constexpr TimingRequest kCheck{.samples = 3, .sample_seconds = 1e-3, .budget_seconds = 0.03};

void add_new(std::vector<Schedule>& schedules, const Schedule& schedule) {
  if (std::ranges::find(schedules, schedule) == schedules.end()) schedules.push_back(schedule);
}

}  // namespace

Expected<std::vector<Schedule>> Finals::candidates(const Task& task) const {
  std::vector<Schedule> schedules;
  NNTUNE_ASSIGN(const auto winner, db::best(database_, target_id_, task.workload.hash()));
  if (winner && winner->place == db::Place::program) {
    const auto schedule = cost_model::read_schedule(task.workload, winner->schedule, defaults_.target());
    if (schedule) add_new(schedules, *schedule);
  }
  if (const auto standard = defaults_.schedule(task.workload)) add_new(schedules, *standard);
  const auto& elite = task.evolution->elite();
  for (std::size_t i = 0; i < std::min(kBest, elite.size()); ++i) add_new(schedules, elite[i].schedule);
  if (const auto before = players_.find(task.workload.hash()); before != players_.end()) {
    for (const Schedule& schedule : before->second) add_new(schedules, schedule);
  }
  return schedules;
}

Expected<std::vector<Finals::Finalist>> Finals::verified(Task& task, const std::vector<Schedule>& schedules) {
  const Isa& isa = defaults_.target().isa;
  std::map<Hash128, bool> right;  // by schedule
  std::vector<Schedule> unknown;
  NNTUNE_ASSIGN(const auto tried, db::tried(database_, target_id_, task.workload.hash()));
  for (const Schedule& schedule : schedules) {
    const auto object = objects_->get(task.workload, schedule, isa);
    if (!object) continue;
    const auto known = tried.find(schedule.hash());
    if (known == tried.end() || known->second.object_hash != (*object)->hash()) {
      unknown.push_back(schedule);
    } else {
      right[schedule.hash()] = known->second.verdict == db::Verdict::ok;
    }
  }
  if (!unknown.empty()) {
    NNTUNE_ASSIGN(const auto batch, measurer_.measure(task.workload, unknown, kCheck));
    for (const Measurer::Result& result : batch.results) {
      task.evolution->record(result.schedule, result.seconds);
      ++task.tried;
      right[result.schedule.hash()] = result.verdict == db::Verdict::ok;
    }
  }
  std::vector<Finalist> finalists;
  for (const Schedule& schedule : schedules) {
    if (const auto found = right.find(schedule.hash()); found == right.end() || !found->second) continue;
    NNTUNE_ASSIGN(const codegen::ObjectCode* object, objects_->get(task.workload, schedule, isa));
    finalists.push_back({schedule, object->hash()});
  }
  return finalists;
}

Status Finals::play(std::vector<std::shared_ptr<Contestant>> contestants, std::span<Task* const> tasks, double seconds,
                    const std::function<void()>& show) {
  auto code = std::make_shared<std::vector<runtime::LoadedCode>>();
  std::map<std::string, std::vector<Finalist>> finalists;
  ProgramTiming::VariantsByWorkload variants;
  for (Task* const task : tasks) {
    NNTUNE_ASSIGN(const auto schedules, candidates(*task));
    NNTUNE_ASSIGN(auto able, verified(*task, schedules));
    auto& players = players_[task->workload.hash()];
    players.clear();
    for (const Finalist& finalist : able) players.push_back(finalist.schedule);
    if (able.empty()) continue;
    ProgramTiming::Variants kernels;
    for (const Finalist& finalist : able) {
      NNTUNE_ASSIGN(const codegen::ObjectCode* object,
                    objects_->get(task->workload, finalist.schedule, defaults_.target().isa));
      NNTUNE_ASSIGN(runtime::LoadedCode loaded, runtime::LoadedCode::load(object->image));
      kernels.kernels.push_back(loaded.entry(object->entry));
      kernels.scratch_bytes = std::max(kernels.scratch_bytes, object->scratch_bytes);
      code->push_back(std::move(loaded));
    }
    finalists.emplace(task->workload.text(), std::move(able));
    variants.emplace(task->workload.text(), std::move(kernels));
  }

  NNTUNE_ASSIGN(const auto timing, ProgramTiming::make(std::move(contestants), std::move(variants), std::move(code)));
  const OtherLoad load(measurer_.pool().pids());
  double spent = 0;
  for (int round = 0; round < kMostRounds && (round == 0 || spent + timing->last_round_seconds() <= seconds); ++round) {
    show();
    NNTUNE_TRY(run_interruptibly([timing] { return timing->round(); }));
    spent += timing->last_round_seconds();
  }

  const double other_load_cores = load.cores(measurer_.pool().pids());
  const ProgramTiming::Samples all = timing->samples();
  for (const Task* const task : tasks) {
    const auto able = finalists.find(task->workload.text());
    const auto samples = all.find(task->workload.text());
    if (able == finalists.end() || samples == all.end()) continue;
    for (std::size_t i = 0; i < samples->second.size(); ++i) {
      if (samples->second[i].empty()) continue;
      NNTUNE_TRY(measurer_.store_in_program(task->workload, able->second[i].schedule, able->second[i].object,
                                            samples->second[i], timing->read_bytes_per_s(), other_load_cores));
    }
  }
  return {};
}

}  // namespace nntune::tuner
