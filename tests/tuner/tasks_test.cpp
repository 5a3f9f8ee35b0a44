#include "tuner/tasks.h"

#include <gtest/gtest.h>

namespace nntune::tuner {
namespace {

using schedule::Workload;

Workload rows(std::int64_t columns) {
  return *Workload::make(graph::rowwise({{.kind = graph::StepKind::cast, .dtype = graph::DType::f32}}),
                         {{graph::DType::f32, {1, columns}, {}}}, 0, 1);
}

extract::Decision decision(const std::string& phase, const Workload& workload, double seconds) {
  extract::Decision d;
  d.phase = phase;
  d.section = "body";
  d.chosen = workload;
  d.cost.seconds = seconds;
  d.calls = 1;
  return d;
}

Expected<Task> open(const Workload& workload) {
  schedule::Space space;
  space.knobs = {{"a", {1, 2, 3, 4, 5, 6, 7, 8}}, {"b", {1, 2, 3, 4, 5, 6, 7, 8}}};
  Task task;
  task.workload = workload;
  task.evolution = std::make_unique<Evolution>(
      space, [](const auto&) { return 1.0; }, 1);
  task.roofline_seconds = 0.1;
  return task;
}

/// Spends trials as a search would: each gives `seconds`.
void spend(Task& task, std::int64_t trials, double seconds) {
  for (const auto& schedule : task.evolution->propose(static_cast<std::size_t>(trials))) {
    task.evolution->record(schedule, seconds);
    ++task.tried;
    ++task.stale;
  }
}

TEST(Tasks, EachKindOfPhaseCountsHalf) {
  TaskList tasks(open);
  extract::Explanation explanation;
  explanation.decisions = {decision("decode", rows(16), 30), decision("decode", rows(32), 10),
                           decision("prefill_512", rows(64), 1)};
  ASSERT_TRUE(tasks.update(explanation));
  const auto chosen = tasks.chosen();
  ASSERT_EQ(chosen.size(), 3U);
  EXPECT_NEAR(chosen[0]->share, 0.5, 1e-12);
  EXPECT_NEAR(chosen[1]->share, 0.375, 1e-12);
  EXPECT_NEAR(chosen[2]->share, 0.125, 1e-12);
}

TEST(Tasks, AWorkloadUsedTwiceIsOneTask) {
  TaskList tasks(open);
  extract::Explanation explanation;
  explanation.decisions = {decision("decode", rows(16), 1), decision("decode", rows(32), 2),
                           decision("decode", rows(16), 1)};
  ASSERT_TRUE(tasks.update(explanation));
  ASSERT_EQ(tasks.chosen().size(), 2U);
  EXPECT_NEAR(tasks.chosen()[0]->share, 0.5, 1e-12);
}

TEST(Tasks, NothingWorthTuningIsLeftUntunedBeforeAnythingIsTunedInDepth) {
  TaskList tasks(open);
  extract::Explanation explanation;
  explanation.decisions = {decision("decode", rows(16), 96), decision("decode", rows(32), 2),
                           decision("decode", rows(64), 2)};
  ASSERT_TRUE(tasks.update(explanation));
  for (int i = 0; i < 3; ++i) {
    Task* task = tasks.next();
    ASSERT_NE(task, nullptr);
    EXPECT_EQ(task->tried, 0);
    spend(*task, TaskList::kCoverage, 1.0);
  }
  EXPECT_EQ(tasks.next()->workload.text(), rows(16).text());  // now the one with most to win
}

TEST(Tasks, TrialsWithoutSuccessMoveTheSearchOn) {
  TaskList tasks(open);
  extract::Explanation explanation;
  explanation.decisions = {decision("decode", rows(16), 60), decision("decode", rows(32), 40)};
  ASSERT_TRUE(tasks.update(explanation));
  for (const auto& task : tasks.tasks()) {
    spend(*task, TaskList::kCoverage, 1.0);
    task->stale = 0;
  }
  Task* first = tasks.next();
  EXPECT_EQ(first->workload.text(), rows(16).text());
  first->stale = 64;
  EXPECT_EQ(tasks.next()->workload.text(), rows(32).text());
}

TEST(Tasks, WhatIsAtItsRooflinePromisesLess) {
  TaskList tasks(open);
  extract::Explanation explanation;
  explanation.decisions = {decision("decode", rows(16), 60), decision("decode", rows(32), 40)};
  ASSERT_TRUE(tasks.update(explanation));
  spend(*tasks.tasks()[0], TaskList::kCoverage, 0.105);  // of 0.1
  spend(*tasks.tasks()[1], TaskList::kCoverage, 0.2);
  EXPECT_EQ(tasks.next()->workload.text(), rows(32).text());
}

TEST(Tasks, ACloseRunnerUpIsMeasuredADistantOneIsNot) {
  TaskList tasks(open);
  extract::Explanation explanation;
  explanation.decisions = {decision("decode", rows(16), 60), decision("decode", rows(32), 40)};
  explanation.decisions[0].runner_up = "x";
  explanation.decisions[0].runner_up_seconds = 1;
  explanation.decisions[0].runner_up_workload = {rows(128)};
  explanation.decisions[1].runner_up = "y";
  explanation.decisions[1].runner_up_seconds = 50;
  explanation.decisions[1].runner_up_workload = {rows(256)};
  ASSERT_TRUE(tasks.update(explanation));
  for (const auto& task : tasks.tasks()) {
    if (task->chosen) spend(*task, TaskList::kCoverage, 1.0);
  }
  EXPECT_EQ(tasks.next()->workload.text(), rows(128).text());
  EXPECT_EQ(tasks.tasks().size(), 3U);
}

TEST(Tasks, KernelsOfACloseLayoutAreMeasured) {
  TaskList tasks(open);
  extract::Explanation explanation;
  explanation.decisions = {decision("decode", rows(16), 60)};
  explanation.objective_seconds = 60;
  explanation.layouts = {{.weight = "w", .runner_up = "other", .runner_up_seconds = 1, .workloads = {rows(512), rows(1024)}},
                         {.weight = "v", .runner_up = "other", .runner_up_seconds = 30, .workloads = {rows(2048)}}};
  ASSERT_TRUE(tasks.update(explanation));
  EXPECT_EQ(tasks.tasks().size(), 3U);
  spend(*tasks.tasks()[0], TaskList::kCoverage, 1.0);
  EXPECT_FALSE(tasks.next()->chosen);
}

TEST(Tasks, EndsWhenAllIsClosed) {
  TaskList tasks(open);
  extract::Explanation explanation;
  explanation.decisions = {decision("decode", rows(16), 60)};
  ASSERT_TRUE(tasks.update(explanation));
  tasks.tasks()[0]->closed = true;
  EXPECT_EQ(tasks.next(), nullptr);
}

}  // namespace
}  // namespace nntune::tuner
