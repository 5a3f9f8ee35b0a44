#include "compiler/egraph/scheduler.h"

#include <algorithm>

namespace nntune::egraph {

bool BackoffScheduler::accept(std::size_t rule, std::size_t iteration, std::size_t matches) {
  if (matches <= limit(rule)) {
    return true;
  }
  State& state = rules_[rule];
  state.banned_until = iteration + (options_.ban_iterations << state.bans);
  ++state.bans;
  return false;
}

bool BackoffScheduler::may_stop(std::size_t iteration) {
  std::size_t first_end = 0;
  for (const State& state : rules_) {
    if (state.banned_until > iteration) {
      first_end = first_end == 0 ? state.banned_until : std::min(first_end, state.banned_until);
    }
  }
  if (first_end == 0) {
    return true;
  }
  for (State& state : rules_) {
    if (state.banned_until > iteration) {
      state.banned_until -= first_end - iteration;
    }
  }
  return false;
}

}  // namespace nntune::egraph
