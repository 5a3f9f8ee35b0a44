#include "compiler/extract/stored_twice.h"

#include <vector>

#include "compiler/extract/greedy.h"

namespace nntune::extract {

SecondForm best_second_form(const Problem& problem, const Solution& solution, std::uint32_t stored) {
  Greedy greedy(problem);
  std::vector<SectionCost> sections;
  Bits all(problem.constants.size());
  for (const ProblemSection& section : problem.sections) {
    sections.push_back(greedy.section_cost(section, solution.choice));
    all.merge(sections.back().constants);
  }
  std::vector<double> kept(problem.constants.size(), kInfinity);
  all.for_each([&](std::size_t i) { kept[i] = 0; });
  // What is no matrix (a norm's weight) may be stored as anybody likes.
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (problem.constants[i].matrices.empty()) kept[i] = 0;
  }

  SecondForm best;
  double best_gain = -kInfinity;
  for (std::uint32_t other = 0; other < problem.constants.size(); ++other) {
    if (all.test(other) || problem.constants[other].matrices != problem.constants[stored].matrices) continue;
    std::vector<double> prices = kept;
    prices[other] = 0;
    double saved = 0;
    for (std::size_t s = 0; s < sections.size(); ++s) {
      if (!sections[s].constants.test(stored)) continue;
      std::vector<std::int32_t> choice = solution.choice;
      if (!greedy.run(problem.sections[s], prices, choice)) continue;
      const double seconds = greedy.section_cost(problem.sections[s], choice).seconds;
      if (better(seconds, sections[s].seconds)) saved += sections[s].seconds - seconds;
    }
    const double gain = saved - problem.constants[other].price;
    if (saved > 0 && gain > best_gain) {
      best_gain = gain;
      best = {other, saved};
    }
  }
  return best;
}

}  // namespace nntune::extract
