#include "compiler/extract/layouts.h"

#include <limits>

#include "compiler/dag/evaluate.h"
#include "compiler/extract/forms.h"

namespace nntune::extract {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double section_seconds(const Problem& problem, const std::vector<std::int32_t>& choice, const ProblemSection& section) {
  double seconds = 0;
  for (const std::uint32_t at : needed_classes(problem, choice, section)) {
    seconds += problem.classes[at].options[static_cast<std::size_t>(choice[at])].seconds;
  }
  return seconds;
}

}  // namespace

std::vector<LayoutChoice> layout_choices(const Problem& problem, const Solution& solution) {
  const egraph::ExtractionInstance instance = to_instance(problem, kInfinity, &solution.states);
  dag::Greedy greedy(instance);
  Forms forms(problem, instance, greedy);
  forms.look_at(to_nodes(problem, instance, solution.choice));
  std::vector<LayoutChoice> result;
  for (const std::uint32_t stored : forms.stored()) {
    const auto& matrices = problem.constants[stored].matrices;
    if (matrices.empty()) continue;
    LayoutChoice choice{.stored = stored, .runner_up = LayoutChoice::kNone, .solution = {}, .second = std::nullopt};
    double best_gain = -kInfinity;
    for (std::uint32_t other = 0; other < problem.constants.size(); ++other) {
      if (other == stored || problem.constants[other].matrices != matrices) continue;
      Solution instead = evaluate(problem, to_options(problem, instance, forms.only(other)));
      if (dag::cheaper(instead.cost, choice.solution.cost)) {
        choice.runner_up = other;
        choice.solution = std::move(instead);
      }
      if (forms.stores(other)) continue;
      const dag::Choice both = forms.beside(stored, other);
      if (!dag::evaluate(instance, both).complete()) continue;
      const std::vector<std::int32_t> options = to_options(problem, instance, both);
      double saved = 0;
      for (std::size_t s = 0; s < problem.sections.size(); ++s) {
        if (!forms.reads(s, stored)) continue;
        const double before = section_seconds(problem, solution.choice, problem.sections[s]);
        const double after = section_seconds(problem, options, problem.sections[s]);
        if (dag::cheaper(after, before)) saved += before - after;
      }
      const double gain = saved - problem.constants[other].price;
      if (saved > 0 && gain > best_gain) {
        best_gain = gain;
        choice.second = SecondForm{other, saved};
      }
    }
    result.push_back(std::move(choice));
  }
  return result;
}

}  // namespace nntune::extract
