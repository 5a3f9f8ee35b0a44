// Extract, measure what the choice hangs on, extract again: on a machine whose kernels do not behave as estimated.
#include <gtest/gtest.h>

#include <set>

#include "compiler/extract/extract.h"
#include "tests/compiler/extract/simple_costs.h"
#include "tests/compiler/rules/decoder_layer.h"
#include "tuner/tasks.h"

namespace nntune::tuner {
namespace {

using testing_models::SimpleCosts;

/// Estimates, but for the workloads that were measured: those cost what they take on `machine`.
struct LearningCosts : SimpleCosts {
  explicit LearningCosts(const SimpleCosts& machine_) : machine(machine_) {}
  const SimpleCosts& machine;
  std::set<std::string> measured;

  [[nodiscard]] extract::Cost cost(const schedule::Workload& workload) const override {
    if (!measured.contains(workload.text())) return SimpleCosts::cost(workload);
    return {machine.cost(workload).seconds, extract::CostSource::measured, 0.05};
  }
};

Expected<Task> open(const schedule::Workload& workload) {
  schedule::Space space;
  space.knobs = {{"a", {1, 2}}};
  Task task;
  task.workload = workload;
  task.evolution = std::make_unique<Evolution>(
      space, [](const auto&) { return 1.0; }, 1);
  return task;
}

/// Seconds of a program's phases as used, on this machine.
double seconds_on(const SimpleCosts& machine, const extract::Extraction& extraction) {
  double seconds = 0;
  for (const extract::Decision& decision : extraction.explanation.decisions) {
    seconds += machine.cost(decision.chosen).seconds * decision.calls;
  }
  return seconds;
}

std::set<std::string> kernels(const extract::Extraction& extraction) {
  std::set<std::string> texts;
  for (const extract::Decision& decision : extraction.explanation.decisions) texts.insert(decision.chosen.text());
  return texts;
}

TEST(Convergence, MeasuringChangesTheProgramAndItGetsFasterUntilNothingIsLeftToMeasure) {
  // Two surprises: wide outputs are slow, so that merging q, k and v does not pay, and so are packed activations.
  SimpleCosts machine;
  machine.adjust = [](const schedule::Workload& w, double seconds) {
    if (w.op().kind() != graph::OpKind::matmul) return seconds;
    const bool wide = w.output.rank() == 2 && w.output.shape[1] == 4096;
    const bool packed = w.inputs[0].packed();
    return seconds * (wide ? 3 : 1) * (packed ? 1.5 : 1);
  };
  LearningCosts costs(machine);
  const auto phases = testing_models::phases(testing_models::Shape{});
  extract::ExtractOptions options;
  options.rules.isa.avx2 = options.rules.isa.fma = true;
  options.rules.isa.avx512f = options.rules.isa.avx512bw = options.rules.isa.avx512vl = true;
  options.rules.isa.avx512dq = options.rules.isa.avx512bf16 = true;
  const auto first = extract::extract_explained(phases, costs, options);
  ASSERT_TRUE(first.has_value()) << first.error().message();

  TaskList tasks(open);
  auto now = *first;
  int rounds = 0;
  for (bool learned = true; learned; ++rounds) {
    ASSERT_LT(rounds, 50);
    ASSERT_TRUE(tasks.update(now.explanation));
    learned = false;
    // As a search spends its trials: each task that comes next gets its first look, a few of them before the next extraction.
    for (int i = 0; i < 4; ++i) {
      Task* const task = tasks.next();
      if (task == nullptr || task->tried >= TaskList::kCoverage) break;
      task->tried = TaskList::kCoverage;
      learned = costs.measured.insert(task->workload.text()).second || learned;
    }
    auto again = extract::extract_explained(phases, costs, options);
    ASSERT_TRUE(again.has_value()) << again.error().message();
    now = std::move(*again);
  }
  EXPECT_NE(kernels(now), kernels(*first));
  EXPECT_LT(seconds_on(machine, now), 0.8 * seconds_on(machine, *first));
  // All that the program stands on was measured, and only a part of what could have been.
  for (const extract::Decision& decision : now.explanation.decisions) {
    EXPECT_EQ(decision.cost.source, extract::CostSource::measured) << decision.chosen.text();
  }
  EXPECT_LT(costs.measured.size(), now.explanation.workloads / 4);
  // It is what one would choose who knew the machine from the start.
  const auto best = extract::extract_explained(phases, machine, options);
  ASSERT_TRUE(best.has_value());
  EXPECT_LE(seconds_on(machine, now), 1.05 * seconds_on(machine, *best));
}

}  // namespace
}  // namespace nntune::tuner
