#include "compiler/extract/program.h"

#include <algorithm>

namespace nntune::extract {

double PhaseProgram::seconds() const {
  double result = 0;
  for (const SectionProgram& section : sections) {
    for (const KernelStep& step : section.steps) {
      result += step.cost.seconds * static_cast<double>(section.repeat);
    }
  }
  return result;
}

Program with_layers(Program program, std::int64_t layers) {
  const auto cut = [&](Layers& all) {
    const auto kept = std::ranges::lower_bound(all, layers);
    all.erase(all.empty() ? all.end() : std::max(kept, all.begin() + 1), all.end());  // none would be one for all
  };
  const auto has_layers = [&](const SectionProgram& section) {
    return std::ranges::any_of(section.steps, [&](const KernelStep& step) {
      return std::ranges::any_of(step.inputs, [&](const Value& value) {
        return value.kind == ValueKind::state ||
               (value.kind == ValueKind::weight && !program.weights[value.index].layers.empty());
      });
    });
  };
  for (PhaseProgram& phase : program.phases) {
    std::erase_if(phase.sections,
                  [&](const SectionProgram& section) { return has_layers(section) && section.first_layer >= layers; });
    for (SectionProgram& section : phase.sections) {
      if (has_layers(section)) section.repeat = std::min(section.repeat, layers - section.first_layer);
    }
  }
  for (StoredWeight& weight : program.weights) cut(weight.layers);
  for (StoredState& state : program.states) cut(state.layers);
  return program;
}

}  // namespace nntune::extract
