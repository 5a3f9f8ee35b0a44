#include "compiler/extract/solve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <set>

#include "compiler/extract/greedy.h"
#include "compiler/extract/incumbent.h"

namespace nntune::extract {

namespace {

std::vector<LayoutChoice> layout_choices_of(const Problem& problem, const Incumbent& incumbent) {
  std::vector<LayoutChoice> result;
  incumbent.stored().for_each([&](std::size_t stored) {
    const auto& matrices = problem.constants[stored].matrices;
    if (matrices.empty()) {
      return;
    }
    LayoutChoice choice{static_cast<std::uint32_t>(stored), LayoutChoice::kNone, {}};
    for (std::uint32_t other = 0; other < problem.constants.size(); ++other) {
      if (other == stored || problem.constants[other].matrices != matrices) {
        continue;
      }
      Incumbent trial = incumbent;
      if (trial.force(other) && better(trial.cost(), choice.solution.cost)) {
        choice.runner_up = other;
        choice.solution = evaluate(problem, trial.choice());
      }
    }
    result.push_back(std::move(choice));
  });
  return result;
}

/// Greedy section by section, what one section stores being free for the next.
std::vector<std::int32_t> start(const Problem& problem, Greedy& greedy, std::vector<double> prices, bool backwards) {
  std::vector<std::int32_t> choice(problem.classes.size(), Solution::kNoOption);
  for (std::size_t n = 0; n < problem.sections.size(); ++n) {
    const ProblemSection& section = problem.sections[backwards ? problem.sections.size() - 1 - n : n];
    if (greedy.run(section, prices, choice)) {
      greedy.section_cost(section, choice).constants.for_each([&](std::size_t i) { prices[i] = 0; });
    }
  }
  return choice;
}

}  // namespace

std::vector<std::uint32_t> needed_classes(const Problem& problem, const std::vector<std::int32_t>& choice,
                                          const ProblemSection& section) {
  std::vector<bool> seen(problem.classes.size(), false);
  std::vector<std::uint32_t> order;
  const auto visit = [&](const auto& self, std::uint32_t at) -> void {
    if (seen[at]) {
      return;
    }
    seen[at] = true;
    assert(choice[at] != Solution::kNoOption);
    for (const std::uint32_t operand : problem.classes[at].options[static_cast<std::size_t>(choice[at])].operands) {
      self(self, operand);
    }
    order.push_back(at);
  };
  for (const std::uint32_t root : section.roots) {
    visit(visit, root);
  }
  return order;
}

Solution evaluate(const Problem& problem, std::vector<std::int32_t> choice) {
  Greedy greedy(problem);
  Solution result;
  Bits stored(problem.constants.size());
  for (const ProblemSection& section : problem.sections) {
    const SectionCost cost = greedy.section_cost(section, choice);
    result.seconds += cost.seconds;
    stored.merge(cost.constants);
  }
  result.cost = result.seconds;
  stored.for_each([&](std::size_t i) {
    result.cost += problem.constants[i].price;
    result.stored_bytes += problem.constants[i].bytes;
  });
  result.choice = std::move(choice);
  return result;
}

Expected<SolveResult> solve(const Problem& problem) {
  Greedy greedy(problem);

  // Starts: each phase as it likes, the later ones reusing what the earlier store; and one layout for all matrices.
  std::set<std::vector<graph::Lane>> layouts;
  for (const Constant& constant : problem.constants) {
    layouts.insert(constant.type.lanes);
  }
  std::vector<Incumbent> starts;
  for (const bool backwards : {false, true}) {
    starts.emplace_back(problem, greedy, start(problem, greedy, greedy.prices(), backwards));
    for (const std::vector<graph::Lane>& layout : layouts) {
      std::vector<double> prices = greedy.prices();
      for (std::size_t i = 0; i < prices.size(); ++i) {
        if (!problem.constants[i].matrices.empty() && problem.constants[i].type.lanes != layout) {
          prices[i] = kInfinity;
        }
      }
      starts.emplace_back(problem, greedy, start(problem, greedy, std::move(prices), backwards));
    }
  }
  std::stable_sort(starts.begin(), starts.end(), [](const Incumbent& a, const Incumbent& b) { return a.cost() < b.cost(); });
  if (starts.front().cost() == kInfinity) {
    for (const ProblemSection& section : problem.sections) {
      std::vector<std::int32_t> choice(problem.classes.size(), Solution::kNoOption);
      if (!greedy.run(section, greedy.prices(), choice)) {
        return fail(ErrorKind::infeasible,
                    fmt::format("no kernels for the {} of {} on this CPU", section.section, section.phase),
                    "enable more rule families, or try another --dtype");
      }
    }
    return fail(ErrorKind::internal, "every start of the extraction is cyclic");
  }

  SolveResult result;
  result.greedy_seconds = evaluate(problem, starts.front().choice()).seconds;
  constexpr std::size_t kImproved = 2;
  const Incumbent* best = nullptr;
  for (std::size_t i = 0; i < std::min(kImproved, starts.size()) && starts[i].cost() < kInfinity; ++i) {
    for (bool improved = true; improved;) {
      improved = starts[i].improve_options();
      improved = starts[i].improve_constants() || improved;
      improved = starts[i].improve_sharing() || improved;
    }
    if (best == nullptr || better(starts[i].cost(), best->cost())) {
      best = &starts[i];
    }
  }
  result.best = evaluate(problem, best->choice());
  return result;
}

std::vector<LayoutChoice> layout_choices(const Problem& problem, const Solution& solution) {
  Greedy greedy(problem);
  return layout_choices_of(problem, Incumbent(problem, greedy, solution.choice));
}

}  // namespace nntune::extract
