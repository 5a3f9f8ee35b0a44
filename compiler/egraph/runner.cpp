#include "compiler/egraph/runner.h"

#include <fmt/format.h>

#include "base/clock.h"

namespace nntune::egraph {

namespace {

/// Applies the matches of one rule; how many changed the graph. Stops early when the graph outgrows `node_limit`.
std::size_t apply(EGraph& graph, const Rewrite& rule, const Matches& matches, std::size_t node_limit) {
  std::size_t applied = 0;
  for (std::size_t i = 0; i < matches.size() && graph.node_count() <= node_limit; ++i) {
    const Match match{rule.left.variables(), matches.roots[i], matches.classes_of(i), matches.nodes_of(i)};
    if (rule.condition && !rule.condition(graph, match)) {
      continue;
    }
    const std::size_t nodes_before = graph.total_nodes();
    const std::size_t merges_before = graph.merge_count();
    if (const auto result = rule.apply(graph, match)) {
      graph.merge(match.root, *result);
    }
    applied += graph.total_nodes() != nodes_before || graph.merge_count() != merges_before ? 1 : 0;
  }
  return applied;
}

}  // namespace

std::string StopReason::text() const {
  switch (kind) {
    case Kind::saturated: return "saturated";
    case Kind::node_limit: return fmt::format("node limit ({:.0f})", value);
    case Kind::iteration_limit: return fmt::format("iteration limit ({:.0f})", value);
    case Kind::goal: return "goal reached";
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
  const Clock::time_point start = Clock::now();
  const double time_limit = std::chrono::duration<double>(limits.time).count();
  RunReport report;
  for (const Rewrite& rule : rules) {
    report.rules.push_back({.name = rule.name});
  }
  std::optional<BackoffScheduler> scheduler;
  if (limits.backoff) scheduler.emplace(rules.size(), *limits.backoff);
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
    bool out_of_time = false;

    Clock::time_point phase = Clock::now();
    std::vector<Matches> found(rules.size());
    stats.matches.resize(rules.size());
    for (std::size_t i = 0; i < rules.size() && !out_of_time; ++i) {
      if (scheduler && !scheduler->may_search(i, iteration)) {
        stats.banned.push_back(i);
        continue;
      }
      const Clock::time_point before = Clock::now();
      found[i] = scheduler ? rules[i].left.search(graph, scheduler->limit(i) + 1) : rules[i].left.search(graph);
      report.rules[i].search_seconds += seconds_since(before);
      stats.matches[i] = found[i].size();
      if (scheduler && !scheduler->accept(i, iteration, found[i].size())) {
        stats.banned.push_back(i);
        found[i] = {};
        ++report.rules[i].bans;
      }
      report.rules[i].matches += found[i].size();
      out_of_time = seconds_since(start) > time_limit;
    }
    stats.search_seconds = seconds_since(phase);

    phase = Clock::now();
    const std::size_t nodes_before = graph.total_nodes();
    const std::size_t merges_before = graph.merge_count();
    for (std::size_t i = 0; i < rules.size() && !out_of_time; ++i) {
      const Clock::time_point before = Clock::now();
      const std::size_t applied = apply(graph, rules[i], found[i], limits.nodes);
      report.rules[i].applied += applied;
      report.rules[i].apply_seconds += seconds_since(before);
      stats.applied += applied;
      out_of_time = seconds_since(start) > time_limit;
    }
    stats.apply_seconds = seconds_since(phase);

    phase = Clock::now();
    graph.rebuild();
    stats.rebuild_seconds = seconds_since(phase);
    stats.nodes = graph.node_count();
    stats.classes = graph.class_count();
    report.iterations.push_back(std::move(stats));

    const bool changed = graph.total_nodes() != nodes_before || graph.merge_count() != merges_before;
    if (!graph.contradiction().empty()) {
      report.stop = {.kind = StopReason::Kind::contradiction, .detail = graph.contradiction()};
      break;
    }
    if (out_of_time) {
      report.stop = {.kind = StopReason::Kind::time_limit, .value = seconds_since(start)};
      break;
    }
    if (graph.node_count() > limits.nodes) {
      report.stop = {.kind = StopReason::Kind::node_limit, .value = static_cast<double>(graph.node_count())};
      break;
    }
    if (!changed && (!scheduler || scheduler->may_stop(iteration))) {
      report.stop = {.kind = StopReason::Kind::saturated};
      break;
    }
  }
  report.seconds = seconds_since(start);
  return report;
}

}  // namespace nntune::egraph
