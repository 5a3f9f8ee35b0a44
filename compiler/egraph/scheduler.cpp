#include "compiler/egraph/scheduler.h"

#include <algorithm>

namespace nntune::egraph {

bool BackoffScheduler::accept(std::size_t rule, std::size_t iteration, std::size_t matches) {
  if (matches <= limit(rule)) {
    return true;
  }
  State& state = rules_[rule];
  state.banned_until = iteration + 1 + (options_.ban_iterations << state.bans);
  ++state.bans;
  return false;
}

bool BackoffScheduler::may_stop(std::size_t iteration) {
  const std::size_t next = iteration + 1;
  std::size_t first_end = 0;
  for (const State& state : rules_) {
    if (state.banned_until > next) {
      first_end = first_end == 0 ? state.banned_until : std::min(first_end, state.banned_until);
    }
  }
  if (first_end == 0) {
    return true;
  }
  for (State& state : rules_) {
    if (state.banned_until > next) {
      state.banned_until -= first_end - next;
    }
  }
  return false;
}

}  // namespace nntune::egraph
