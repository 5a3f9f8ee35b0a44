/// Searches all rules of an iteration, in parallel where that pays.
#pragma once

#include <span>
#include <vector>

#include "compiler/egraph/pattern.h"

namespace nntune::egraph {

struct SearchRequest {
  const Pattern* pattern = nullptr;  ///< null: nothing is searched
  std::size_t matches = SearchLimits::kNone;
  bool fresh_only = false;
};

struct SearchResult {
  Matches matches;
  double seconds = 0;  ///< of one core
};

struct SearchBudget {
  Clock::time_point deadline;
  std::size_t bytes = SearchLimits::kNone;  ///< for all matches together
  int threads = 1;                          ///< 0: as many as TBB has
};

/// The matches of each request, in its order. Which they are does not depend on the number of threads: a task is a pattern and a
/// range of classes to start in, and the tasks' matches are joined in their order. When the deadline or the memory ends it, what
/// is found so far is returned, with the reason in Matches::end of one of them.
[[nodiscard]] std::vector<SearchResult> search_all(const EGraph& graph, std::span<const SearchRequest> requests,
                                                   const SearchBudget& budget);

}  // namespace nntune::egraph
