#include "cli/statistics.h"

#include <cassert>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/statistics.h"

namespace nntune::cli {

Summary summarize(std::span<const double> samples) {
  assert(!samples.empty());
  const auto count = static_cast<double>(samples.size());
  Summary result;
  result.mean = std::accumulate(samples.begin(), samples.end(), 0.0) / count;
  double squares = 0;
  for (const double sample : samples) squares += (sample - result.mean) * (sample - result.mean);
  if (samples.size() > 1) result.stddev = std::sqrt(squares / (count - 1));
  result.median = nntune::median({samples.begin(), samples.end()});
  return result;
}

}  // namespace nntune::cli
