#include "compiler/extract/phase_use.h"

#include <algorithm>

namespace nntune::extract {

PhaseUse usual_use(const graph::Phase& phase, std::span<const graph::Phase> phases) {
  if (phase.rows == 1) return {static_cast<double>(kAnswerTokens), kPromptTokens};
  const auto prefills = std::ranges::count_if(phases, [](const graph::Phase& other) { return other.rows > 1; });
  return {static_cast<double>(kPromptTokens) / static_cast<double>(phase.rows * prefills), 0};
}

}  // namespace nntune::extract
