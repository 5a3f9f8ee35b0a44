/// Local search: greedy runs under changed prices, and single-class changes.
#pragma once

#include <cstdint>
#include <functional>

#include "compiler/dag/evaluate.h"

namespace nntune::dag {

struct SearchOptions {
  std::int64_t rounds = 0;
  /// Ends after so many rounds, and three times the number of the last one that found something.
  std::int64_t patience = std::int64_t{1} << 60;
  std::uint64_t seed = 1;
  double lower_bound = 0;      ///< a result that costs no more is not improved on
  std::function<bool()> stop;  ///< asked at least every few milliseconds; not null
};

/// Starts from `start` (complete or not) and the greedy choices by DAG and by tree cost. A round discounts some prices at random
/// (what the incumbent uses, or what it could share), runs the greedy extraction again and improves the result class by class; what
/// is better replaces the incumbent, what is equal too. With a capacity, bytes have a price as well, found by bisection.
/// \return a choice for the roots that is acyclic; it fits the capacity if any choice seen did
[[nodiscard]] Choice local_search(const ExtractionInstance& instance, const Choice& start, const SearchOptions& options);

/// The best greedy choice: by DAG and by tree cost, and where a capacity is exceeded with a price of bytes.
[[nodiscard]] Choice greedy_start(const ExtractionInstance& instance, Greedy& greedy);

}  // namespace nntune::dag
