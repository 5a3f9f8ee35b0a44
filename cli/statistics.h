/// Statistics of repeated runs, as llama-bench prints them, and the median.
#pragma once

#include <span>

namespace nntune::cli {

struct Summary {
  double mean = 0;
  double stddev = 0;  ///< of a sample (n - 1); 0 for one value
  double median = 0;
};

/// \param samples  at least one
[[nodiscard]] Summary summarize(std::span<const double> samples);

}  // namespace nntune::cli
