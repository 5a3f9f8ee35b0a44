#include "tuner/finals.h"

#include <algorithm>
#include <vector>

#include "compiler/kernels/family.h"
#include "db/query.h"

namespace nntune::tuner {
namespace {

using schedule::Schedule;

/// Short kernels are bound by memory, whose speed drifts: they get more.
constexpr double kShortSeconds = 2e-3;
constexpr TimingRequest kShort{.samples = 5, .sample_seconds = 2e-3, .budget_seconds = 0.02};
constexpr int kShortRounds = 4;
constexpr TimingRequest kLong{.samples = 3, .sample_seconds = 1e-3, .budget_seconds = 0.03};
constexpr int kLongRounds = 2;
constexpr std::size_t kFinalists = 3;
/// How often the database may bring up yet another candidate.
constexpr int kMostReplays = 5;
/// Schedules of the database's ranking that are looked at then.
constexpr std::size_t kRanking = 3;

void add_new(std::vector<Schedule>& schedules, const Schedule& schedule) {
  if (std::ranges::find(schedules, schedule) == schedules.end()) schedules.push_back(schedule);
}

}  // namespace

Status Finals::play(Task& task) {
  played_.insert(task.workload.hash());
  std::vector<Schedule> finalists;
  if (const auto standard = defaults_.schedule(task.workload)) finalists.push_back(*standard);
  for (const Evolution::Individual& individual : task.evolution->elite()) {
    if (finalists.size() <= kFinalists) add_new(finalists, individual.schedule);
  }
  const bool is_short = task.best_seconds() < kShortSeconds;
  const auto family = kernels::find_family(task.workload);
  if (!family) return {};
  const schedule::Space space = (*family)->space(task.workload, defaults_.target());

  std::vector<Schedule> timed;
  for (int replay = 0; replay <= kMostReplays; ++replay) {
    NNTUNE_ASSIGN(const auto results, measurer_.duel(task.workload, finalists, is_short ? kShort : kLong,
                                                     is_short ? kShortRounds : kLongRounds));
    for (const Measurer::Result& result : results) {
      task.evolution->record(result.schedule, result.seconds);
      add_new(timed, result.schedule);
    }
    const auto winner = std::ranges::min_element(results, {}, &Measurer::Result::seconds);
    finalists.clear();
    if (winner != results.end()) finalists.push_back(winner->schedule);
    NNTUNE_ASSIGN(const auto ranking, db::ranking(database_, target_id_, task.workload.hash(), kRanking));
    for (const db::Measurement& row : ranking) {
      const auto json = parse_json(row.schedule, "stored schedule");
      const auto schedule = json ? space.read(*json) : Expected<Schedule>(tl::unexpected(json.error()));
      if (schedule && std::ranges::find(timed, *schedule) == timed.end()) add_new(finalists, *schedule);
    }
    if (finalists.size() < 2) break;
  }
  return {};
}

}  // namespace nntune::tuner
