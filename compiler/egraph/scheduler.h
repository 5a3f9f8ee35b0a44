/// Which rules may run in an iteration: rules that match too often are banned for a while (egg's backoff scheduler).
#pragma once

#include <cstddef>
#include <vector>

namespace nntune::egraph {

struct BackoffOptions {
  std::size_t match_limit = 1000;  ///< matches of one rule in one iteration; doubles with each ban of the rule
  std::size_t ban_iterations = 5;  ///< that of the ban included; doubles too
};

class BackoffScheduler {
 public:
  BackoffScheduler(std::size_t rules, BackoffOptions options) : options_(options), rules_(rules) {}

  [[nodiscard]] bool may_search(std::size_t rule, std::size_t iteration) const {
    return iteration >= rules_[rule].banned_until;
  }
  /// Matches a rule may have now.
  [[nodiscard]] std::size_t limit(std::size_t rule) const { return options_.match_limit << rules_[rule].bans; }
  /// Takes note of `matches`; false if the rule is banned for it and must not be applied.
  bool accept(std::size_t rule, std::size_t iteration, std::size_t matches);
  /// After an iteration without a change: true if no rule was banned, so that nothing is left to do; else the first ban ends.
  bool may_stop(std::size_t iteration);

 private:
  struct State {
    std::size_t bans = 0;
    std::size_t banned_until = 0;
  };
  BackoffOptions options_;
  std::vector<State> rules_;
};

}  // namespace nntune::egraph
