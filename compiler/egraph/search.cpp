#include "compiler/egraph/search.h"

#include <algorithm>
#include <atomic>

#include "base/parallel/parallel_for.h"

namespace nntune::egraph {

namespace {

constexpr std::size_t kCandidatesOfATask = 2048;

struct Task {
  std::size_t request = 0;
  std::size_t first = 0;
  std::size_t end = SearchLimits::kNone;
};

SearchResult search(const EGraph& graph, const SearchRequest& request, const Task& task, const SearchBudget& budget,
                    std::size_t bytes) {
  const Clock::time_point start = Clock::now();
  SearchResult result{.matches = request.pattern->search(graph, {.matches = request.matches,
                                                                 .bytes = bytes,
                                                                 .deadline = budget.deadline,
                                                                 .fresh_only = request.fresh_only,
                                                                 .first_candidate = task.first,
                                                                 .end_candidate = task.end})};
  result.seconds = seconds_since(start);
  return result;
}

/// Appends, as if one search had found both, within the limit of the request.
void join(SearchResult& into, SearchResult&& from, std::size_t limit) {
  into.seconds += from.seconds;
  Matches& a = into.matches;
  if (a.end != Matches::End::all) return;
  Matches& b = from.matches;
  a.end = b.end;
  a.known += b.known;
  if (a.roots.empty()) {
    std::swap(a.roots, b.roots);
    std::swap(a.classes, b.classes);
    std::swap(a.nodes, b.nodes);
  } else {
    a.roots.append(b.roots);
    a.classes.append(b.classes);
    a.nodes.append(b.nodes);
  }
  if (a.end == Matches::End::all && a.size() + a.known >= limit) a.end = Matches::End::match_limit;
}

}  // namespace

std::vector<SearchResult> search_all(const EGraph& graph, std::span<const SearchRequest> requests,
                                     const SearchBudget& budget) {
  std::vector<SearchResult> results(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].pattern == nullptr) continue;
    results[i].matches.classes_each = requests[i].pattern->variables().classes.size();
    results[i].matches.nodes_each = requests[i].pattern->variables().nodes.size();
  }
  if (budget.threads == 1) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (requests[i].pattern == nullptr) continue;
      results[i] = search(graph, requests[i], {.request = i}, budget, budget.bytes - bytes);
      bytes = std::min(budget.bytes, bytes + results[i].matches.memory_bytes());
      const Matches::End end = results[i].matches.end;
      if (end == Matches::End::deadline || end == Matches::End::memory) break;
    }
    return results;
  }
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].pattern == nullptr) continue;
    const std::size_t candidates = requests[i].pattern->candidates(graph).size();
    for (std::size_t first = 0; first < candidates; first += kCandidatesOfATask) {
      tasks.push_back({i, first, std::min(first + kCandidatesOfATask, candidates)});
    }
  }
  std::vector<SearchResult> parts(tasks.size());
  std::atomic<std::size_t> bytes = 0;
  const auto search_part = [&](std::size_t t) {
    const std::size_t left = budget.bytes - std::min(budget.bytes, bytes.load());
    parts[t] = search(graph, requests[tasks[t].request], tasks[t], budget, left);
    bytes += parts[t].matches.memory_bytes();
  };
  parallel_for(tasks.size(), search_part, budget.threads);
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    join(results[tasks[t].request], std::move(parts[t]), requests[tasks[t].request].matches);
  }
  return results;
}

}  // namespace nntune::egraph
