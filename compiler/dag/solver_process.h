/// Runs prove() in a process of its own, so that a solver that hangs, crashes, prints or eats the memory harms nobody.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "compiler/dag/evaluate.h"

namespace nntune::dag {

struct ProcessResult {
  double lower_bound = 0;
  Choice
      cheaper;  ///< empty, or the last choice it found that is cheaper than `start`; to be evaluated before it is believed
  std::string trouble;  ///< "" or why it ended without a proof before its time
};

/// Ends at `deadline` or when `stop` says so, whatever the solver does then (within some 20 ms). Bounds and choices are taken as
/// they come, so that an end at any moment loses only what is not yet found.
[[nodiscard]] ProcessResult prove_in_process(const ExtractionInstance& instance, const Choice& start,
                                             std::chrono::steady_clock::time_point deadline,
                                             const std::function<bool()>& stop);

}  // namespace nntune::dag
