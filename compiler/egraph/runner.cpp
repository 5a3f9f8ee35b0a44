#include "compiler/egraph/runner.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "compiler/egraph/search.h"

namespace nntune::egraph {

namespace {

/// What ends a run in the middle of an iteration.
class Guard {
 public:
  Guard(const EGraph& graph, const RunLimits& limits, RunReport& report)
      : graph_(graph), limits_(limits), report_(report), start_(Clock::now()) {
    if (limits.time) deadline_ = start_ + *limits.time;
  }

  [[nodiscard]] Clock::time_point start() const { return start_; }
  [[nodiscard]] Clock::time_point deadline() const { return deadline_; }
  [[nodiscard]] const std::optional<StopReason>& stop() const { return stop_; }

  /// Memory left for matches.
  [[nodiscard]] std::size_t bytes_left() const {
    return limits_.memory_bytes - std::min(limits_.memory_bytes, graph_.memory_bytes());
  }

  /// Looks at the clock and at memory, where the matches held take `match_bytes`; false: the run ends.
  bool may_go_on(std::size_t match_bytes) {
    const std::size_t bytes = graph_.memory_bytes() + match_bytes;
    report_.peak_bytes = std::max(report_.peak_bytes, bytes);
    if (stop_) return false;
    if (bytes > limits_.memory_bytes) {
      stop_ = {.kind = StopReason::Kind::memory_limit, .value = static_cast<double>(bytes)};
    } else if (Clock::now() > deadline_) {
      stop_ = {.kind = StopReason::Kind::time_limit, .value = seconds_since(start_)};
    }
    return !stop_;
  }

  /// A search ended early.
  void note(Matches::End end) {
    if (end == Matches::End::deadline) stop_ = {.kind = StopReason::Kind::time_limit, .value = seconds_since(start_)};
    if (end == Matches::End::memory) {
      stop_ = {.kind = StopReason::Kind::memory_limit, .value = static_cast<double>(limits_.memory_bytes)};
    }
  }

 private:
  const EGraph& graph_;
  const RunLimits& limits_;
  RunReport& report_;
  Clock::time_point start_;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::optional<StopReason> stop_;
};

/// Applies the matches of one rule; how many changed the graph. Stops early when the graph outgrows `node_limit` or the guard says
/// so.
std::size_t apply(EGraph& graph, const Rewrite& rule, const Matches& matches, std::size_t node_limit,
                  std::size_t match_bytes, Guard& guard) {
  constexpr std::size_t kBatch = RightSide::kBatch;
  constexpr std::size_t kBatchesBetweenChecks = 16;
  const bool proves = graph.proofs() != nullptr;
  graph.because(graph.symbols().intern(rule.name));
  std::optional<RightSide> right = rule.right;
  std::size_t applied = 0;
  for (std::size_t first = 0; first < matches.size() && graph.node_count() <= node_limit; first += kBatch) {
    if (first % (kBatch * kBatchesBetweenChecks) == 0 && !guard.may_go_on(match_bytes)) break;
    const std::size_t end = std::min(first + kBatch, matches.size());
    if (right && !rule.condition && !graph.watched()) {
      applied += right->apply(graph, matches, first, end);
      continue;
    }
    for (std::size_t i = first; i < end && graph.node_count() <= node_limit; ++i) {
      const Match match{rule.left.variables(), matches.roots[i], matches.classes_of(i), matches.nodes_of(i)};
      if (rule.condition && !rule.condition(graph, match)) {
        continue;
      }
      const std::size_t before = graph.change_count();
      const ClassId left = proves ? rule.left.instantiate(graph, match.root, match.classes, match.nodes) : match.root;
      if (right) {
        right->apply(graph, left, match.classes);
      } else if (const auto result = rule.apply(graph, match)) {
        graph.merge(left, *result);
      }
      applied += graph.change_count() != before ? 1 : 0;
    }
  }
  return applied;
}

}  // namespace

std::string StopReason::text() const {
  switch (kind) {
    case Kind::saturated: return "saturated";
    case Kind::node_limit: return fmt::format("node limit ({:.0f})", value);
    case Kind::iteration_limit: return fmt::format("iteration limit ({:.0f})", value);
    case Kind::match_limit: return fmt::format("match limit ({:.0f})", value);
    case Kind::goal: return "goal reached";
    case Kind::memory_limit: return fmt::format("memory limit ({:.0f} MB)", 1e-6 * value);
    case Kind::contradiction: return "contradiction: " + detail;
    case Kind::time_limit: return fmt::format("time limit ({:.1f} s)", value);
  }
  return {};
}

std::string RunReport::text() const {
  const std::size_t nodes = iterations.empty() ? 0 : iterations.back().nodes;
  const std::size_t classes = iterations.empty() ? 0 : iterations.back().classes;
  std::string result = fmt::format("{} after {} iterations, {:.3f} s: {} nodes in {} classes\n", stop.text(),
                                   iterations.size(), seconds, nodes, classes);
  for (const RuleStats& rule : rules) {
    result +=
        fmt::format("  {:<40} {:>8} matches {:>8} applied {:>3} bans {:>9.3f} ms search {:>9.3f} ms apply\n", rule.name,
                    rule.matches, rule.applied, rule.bans, 1e3 * rule.search_seconds, 1e3 * rule.apply_seconds);
  }
  return result;
}

RunReport run(EGraph& graph, std::span<const Rewrite> rules, const RunLimits& limits) {
  RunReport report;
  Guard guard(graph, limits, report);
  for (const Rewrite& rule : rules) {
    report.rules.push_back({.name = rule.name});
  }
  std::optional<BackoffScheduler> scheduler;
  if (limits.backoff) scheduler.emplace(rules.size(), *limits.backoff);
  // Rules whose matches of the iteration before are all applied for good.
  std::vector<bool> settled(rules.size(), false);
  std::size_t matches_found = 0;
  graph.rebuild();
  for (std::size_t iteration = 0;; ++iteration) {
    if (limits.reached && limits.reached(graph)) {
      report.stop = {.kind = StopReason::Kind::goal};
      break;
    }
    if (iteration >= limits.iterations) {
      report.stop = {.kind = StopReason::Kind::iteration_limit, .value = static_cast<double>(iteration)};
      break;
    }
    IterationStats stats;

    Clock::time_point phase = Clock::now();
    std::vector<SearchRequest> requests(rules.size());
    for (std::size_t i = 0; i < rules.size(); ++i) {
      if (scheduler && !scheduler->may_search(i, iteration)) {
        stats.banned.push_back(i);
        settled[i] = false;
        continue;
      }
      requests[i] = {.pattern = &rules[i].left, .fresh_only = settled[i]};
      if (scheduler) requests[i].matches = scheduler->limit(i) + 1;
    }
    const int threads = graph.node_count() >= limits.nodes_worth_threads ? limits.threads : 1;
    std::vector<SearchResult> found =
        search_all(graph, requests, {.deadline = guard.deadline(), .bytes = guard.bytes_left(), .threads = threads});
    stats.matches.resize(rules.size());
    std::size_t match_bytes = 0;
    for (std::size_t i = 0; i < rules.size(); ++i) {
      if (requests[i].pattern == nullptr) continue;
      Matches& matches = found[i].matches;
      guard.note(matches.end);
      report.rules[i].search_seconds += found[i].seconds;
      stats.matches[i] = std::min(matches.size() + matches.known, requests[i].matches);
      matches_found += stats.matches[i];
      settled[i] = rules[i].settles();
      if (scheduler && !scheduler->accept(i, iteration, stats.matches[i])) {
        stats.banned.push_back(i);
        matches = {};
        ++report.rules[i].bans;
        settled[i] = false;
      } else {
        report.rules[i].matches += stats.matches[i];
      }
      match_bytes += matches.memory_bytes();
    }
    stats.search_seconds = seconds_since(phase);

    phase = Clock::now();
    const std::size_t changes_before = graph.change_count();
    for (std::size_t i = 0; i < rules.size() && guard.may_go_on(match_bytes); ++i) {
      const Clock::time_point before = Clock::now();
      const std::size_t applied = apply(graph, rules[i], found[i].matches, limits.nodes, match_bytes, guard);
      match_bytes -= found[i].matches.memory_bytes();
      found[i].matches = {};
      report.rules[i].applied += applied;
      report.rules[i].apply_seconds += seconds_since(before);
      stats.applied += applied;
    }
    found.clear();
    graph.because(graph.symbols().intern("given"));
    stats.apply_seconds = seconds_since(phase);

    phase = Clock::now();
    graph.rebuild();
    stats.rebuild_seconds = seconds_since(phase);
    stats.nodes = graph.node_count();
    stats.classes = graph.class_count();
    report.iterations.push_back(std::move(stats));

    if (!graph.contradiction().empty()) {
      report.stop = {.kind = StopReason::Kind::contradiction, .detail = graph.contradiction()};
      break;
    }
    if (!guard.may_go_on(0)) {
      report.stop = *guard.stop();
      break;
    }
    if (graph.node_count() > limits.nodes) {
      report.stop = {.kind = StopReason::Kind::node_limit, .value = static_cast<double>(graph.node_count())};
      break;
    }
    if (limits.matches && matches_found > *limits.matches) {
      report.stop = {.kind = StopReason::Kind::match_limit, .value = static_cast<double>(matches_found)};
      break;
    }
    if (graph.change_count() == changes_before && (!scheduler || scheduler->may_stop(iteration))) {
      report.stop = {.kind = StopReason::Kind::saturated};
      break;
    }
  }
  report.seconds = seconds_since(guard.start());
  return report;
}

}  // namespace nntune::egraph
