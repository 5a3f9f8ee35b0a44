/// Equality saturation: applies rules to an e-graph until nothing new follows or a limit is hit.
///
/// Each iteration searches all rules in the same (clean) graph, then applies all matches, then rebuilds; so the result of a
/// saturated run does not depend on the order of the rules.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/egraph/egraph.h"
#include "compiler/egraph/rewrite.h"
#include "compiler/egraph/scheduler.h"

namespace nntune::egraph {

struct RunLimits {
  std::size_t nodes = 10'000;
  std::size_t iterations = 30;
  /// Of all rules in all iterations together, those found; none: as many as there are. The iteration in which they were found ends.
  std::optional<std::size_t> matches = std::nullopt;
  /// None: only what is counted ends a run, so that it gives the same on a slow machine and on a busy one.
  std::optional<std::chrono::milliseconds> time = std::chrono::seconds(5);
  /// Of the graph (EGraph::memory_bytes) and the matches of an iteration; what one application or a rebuild adds comes on top.
  std::size_t memory_bytes = std::size_t{4} << 30;
  /// Threads for matching: 1 is none beside the caller's, 0 as many as TBB has. The result is the same for any number. Graphs of
  /// fewer e-nodes are matched by one thread, as several would wait for each other longer than they search.
  int threads = 1;
  std::size_t nodes_worth_threads = 20'000;
  /// None: every rule in every iteration.
  std::optional<BackoffOptions> backoff = BackoffOptions{};
  /// Called with the clean graph before the first iteration and after each; true ends the run.
  std::function<bool(const EGraph&)> reached = {};
};

struct StopReason {
  enum class Kind { saturated, node_limit, iteration_limit, match_limit, time_limit, memory_limit, goal, contradiction };
  Kind kind = Kind::saturated;
  double value = 0;         ///< nodes, iterations, matches, seconds or bytes when the limit was hit
  std::string detail = {};  ///< of a contradiction

  /// e.g. "saturated", "node limit (10042)", "time limit (5.1 s)", "memory limit (512 MB)"
  [[nodiscard]] std::string text() const;
};

struct RuleStats {
  std::string name;
  std::size_t matches = 0;
  std::size_t applied = 0;  ///< matches that changed the graph
  std::size_t bans = 0;
  double search_seconds = 0;
  double apply_seconds = 0;
};

struct IterationStats {
  std::size_t nodes = 0;  ///< after the rebuild
  std::size_t classes = 0;
  std::size_t applied = 0;
  std::vector<std::size_t> matches;  ///< by rule, before conditions; one more than allowed where a rule was banned for it
  std::vector<std::size_t> banned;   ///< rules that matched too often, now or before; nothing of them was applied
  double search_seconds = 0;
  double apply_seconds = 0;
  double rebuild_seconds = 0;
};

struct RunReport {
  StopReason stop;
  std::vector<IterationStats> iterations;
  std::vector<RuleStats> rules;  ///< as given
  double seconds = 0;
  std::size_t peak_bytes = 0;  ///< of memory that counts against the limit, as often as it was looked at

  [[nodiscard]] std::string text() const;  ///< a table for people
};

/// Saturates `graph` in place; it is clean afterwards.
RunReport run(EGraph& graph, std::span<const Rewrite> rules, const RunLimits& limits = {});

}  // namespace nntune::egraph
