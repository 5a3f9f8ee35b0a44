#include "tuner/tasks.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace nntune::tuner {
namespace {

/// A runner-up this much worse than the choice, as a fraction of the phase, may turn out better once measured.
constexpr double kCloseFraction = 0.05;
/// What a kernel of another layout counts for when it comes to a look at it; its true share is not known.
constexpr double kLayoutShare = 2 * TaskList::kWorthTuning;
/// After so many trials without improvement a further one promises half as much.
constexpr double kHalfLife = 32;
/// What nobody reaches of a roofline.
constexpr double kReachable = 0.97;

}  // namespace

double Task::roofline_fraction() const {
  const double best = best_seconds();
  return std::isfinite(best) && best > 0 ? roofline_seconds / best : 0;
}

double expected_win(const Task& task) {
  if (task.closed) return 0;
  const double room = std::max(0.01, kReachable - std::min(1.0, task.roofline_fraction()));
  return task.share * room * std::exp2(-static_cast<double>(task.stale) / kHalfLife);
}

Expected<Task*> TaskList::find_or_open(const schedule::Workload& workload) {
  const Hash128 hash = workload.hash();
  for (const auto& task : tasks_) {
    if (task->workload.hash() == hash) return task.get();
  }
  NNTUNE_ASSIGN(Task task, open_(workload));
  tasks_.push_back(std::make_unique<Task>(std::move(task)));
  return tasks_.back().get();
}

/// Kernels that another layout would need.
Status TaskList::add_for_layout(const std::vector<schedule::Workload>& workloads) {
  for (const schedule::Workload& workload : workloads) {
    NNTUNE_ASSIGN(Task* const task, find_or_open(workload));
    if (task->chosen) continue;
    task->share = std::max(task->share, kLayoutShare);
    task->phase_share = std::max(task->phase_share, kLayoutShare);
  }
  return {};
}

Status TaskList::update(const extract::Explanation& explanation) {
  double decode_seconds = 0;
  double prefill_seconds = 0;
  const auto is_decode = [](const extract::Decision& decision) { return decision.phase == "decode"; };
  std::map<std::string, double> phase_seconds;
  for (const extract::Decision& decision : explanation.decisions) {
    const double seconds = decision.cost.seconds * decision.calls;
    (is_decode(decision) ? decode_seconds : prefill_seconds) += seconds;
    phase_seconds[decision.phase] += seconds;
  }
  for (const auto& task : tasks_) {
    task->chosen = false;
    task->share = 0;
    task->phase_share = 0;
  }
  const bool one_kind = decode_seconds == 0 || prefill_seconds == 0;
  std::map<std::pair<const Task*, std::string>, double> by_phase;
  for (const extract::Decision& decision : explanation.decisions) {
    NNTUNE_ASSIGN(Task* const task, find_or_open(decision.chosen));
    const double seconds = decision.cost.seconds * decision.calls;
    task->chosen = true;
    task->share += seconds / (is_decode(decision) ? decode_seconds : prefill_seconds) * (one_kind ? 1.0 : 0.5);
    double& in_phase = by_phase[{task, decision.phase}];
    in_phase += seconds / phase_seconds[decision.phase];
    task->phase_share = std::max(task->phase_share, in_phase);
  }
  for (const extract::Decision& decision : explanation.decisions) {
    const double whole = phase_seconds[decision.phase];
    if (decision.runner_up_workload.empty() || decision.runner_up_seconds > kCloseFraction * whole) continue;
    NNTUNE_ASSIGN(Task* const task, find_or_open(decision.runner_up_workload.front()));
    if (task->chosen) continue;
    // Worth what the choice is worth, as far as it is not yet known to be worse.
    const double kind_seconds = is_decode(decision) ? decode_seconds : prefill_seconds;
    task->share = std::max(task->share, decision.cost.seconds * decision.calls / kind_seconds * (one_kind ? 1.0 : 0.5));
    task->phase_share = std::max(task->phase_share, decision.cost.seconds * decision.calls / whole);
  }
  // Another form of a stored weight or of a state changes several kernels at once: none of them is a runner-up on its own.
  const double close = kCloseFraction * explanation.objective_seconds;
  for (const extract::LayoutDecision& layout : explanation.layouts) {
    if (!layout.runner_up.empty() && layout.runner_up_seconds <= close) NNTUNE_TRY(add_for_layout(layout.workloads));
  }
  for (const extract::StateDecision& state : explanation.states) {
    if (state.runner_up && state.runner_up_seconds <= close) NNTUNE_TRY(add_for_layout(state.workloads));
  }
  return {};
}

Status TaskList::add_start(const extract::Explanation& explanation) {
  for (const extract::Decision& decision : explanation.decisions) {
    NNTUNE_ASSIGN(Task* const task, find_or_open(decision.chosen));
    task->in_start = true;
  }
  return {};
}

Task* TaskList::next() {
  const auto largest = [&](auto&& wanted, auto&& value) {
    Task* best = nullptr;
    for (const auto& task : tasks_) {
      if (task->closed || task->share <= 0 || !wanted(*task)) continue;
      if (best == nullptr || value(*task) > value(*best)) best = task.get();
    }
    return best;
  };
  const auto share = [](const Task& task) { return task.share; };
  const auto uncovered = [](const Task& task) {
    return task.chosen && task.tried < (task.phase_share > kWorthTuning ? kCoverage : kGlance);
  };
  if (Task* task = largest(uncovered, share)) return task;
  const auto unseen = [](const Task& task) {
    return !task.chosen && task.phase_share > kWorthTuning && task.tried < kAlternative;
  };
  if (Task* task = largest(unseen, share)) return task;
  return largest([](const Task& task) { return task.chosen; }, expected_win);
}

std::vector<const Task*> TaskList::chosen() const {
  std::vector<const Task*> chosen;
  for (const auto& task : tasks_) {
    if (task->chosen) chosen.push_back(task.get());
  }
  std::ranges::stable_sort(chosen, std::greater<>(), [](const Task* task) { return task->share; });
  return chosen;
}

}  // namespace nntune::tuner
