/// A small space, gone through.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "compiler/schedule/schedule.h"

namespace nntune::schedule {

/// Calls visit(schedule) for every combination that the space does not refuse; the first knob changes fastest.
template <class Visit>
void for_each_schedule(const Space& space, const Visit& visit) {
  if (std::ranges::any_of(space.knobs, [](const Space::Knob& knob) { return knob.values.empty(); })) return;
  std::vector<std::size_t> at(space.knobs.size(), 0);
  for (;;) {
    Schedule schedule;
    for (std::size_t i = 0; i < at.size(); ++i) schedule.knobs[space.knobs[i].name] = space.knobs[i].values[at[i]];
    if (space.refuse(schedule).empty()) visit(std::move(schedule));
    std::size_t i = 0;
    while (i < at.size() && ++at[i] == space.knobs[i].values.size()) at[i++] = 0;
    if (i == at.size()) return;
  }
}

}  // namespace nntune::schedule
