#include "base/statistics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>

namespace nntune {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr int kResamples = 1000;
constexpr std::uint64_t kSeed = 20250309;

double median_in_place(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return values.size() % 2 == 1 ? *middle : (*std::max_element(values.begin(), middle) + *middle) / 2;
}

/// Draws of its own: those of the standard library differ from one implementation to the next.
class Resampler {
 public:
  double median_of(std::span<const double> samples) {
    drawn_.clear();
    for (std::size_t i = 0; i < samples.size(); ++i) drawn_.push_back(samples[draw(samples.size())]);
    return median_in_place(drawn_);
  }
  /// Below `count`, which is far below 2^32.
  std::size_t draw(std::size_t count) { return static_cast<std::size_t>(((rng_() >> 32) * count) >> 32); }

 private:
  std::mt19937_64 rng_{kSeed};
  std::vector<double> drawn_;
};

/// The middle `confidence` of the statistic's values.
Interval middle_part(std::vector<double> values, double confidence) {
  std::ranges::sort(values);
  const double tail = (1 - confidence) / 2 * static_cast<double>(values.size());
  const auto skipped = static_cast<std::size_t>(std::max(0.0, std::floor(tail)));
  return {values[skipped], values[values.size() - 1 - skipped]};
}

template <class Statistic>
Interval bootstrap(Statistic statistic, double confidence) {
  Resampler resampler;
  std::vector<double> values;
  values.reserve(kResamples);
  for (int i = 0; i < kResamples; ++i) values.push_back(statistic(resampler));
  return middle_part(std::move(values), confidence);
}

Contrast judge(double ratio, Interval interval, double margin, std::size_t samples) {
  Contrast contrast{.ratio = ratio, .interval = interval};
  if (samples < kLeastPairs) return contrast;
  // Margins mirror each other, so that who is called the challenger does not matter.
  if (interval.high < 1 / (1 + margin)) contrast.decision = Decision::faster;
  if (interval.low > 1 + margin) contrast.decision = Decision::slower;
  return contrast;
}

}  // namespace

double median(std::vector<double> values) { return values.empty() ? kNone : median_in_place(values); }

double weighted_median(std::vector<std::pair<double, double>> values) {
  std::ranges::sort(values);
  double half = 0;
  for (const auto& [value, weight] : values) half += weight / 2;
  double below = 0;
  for (const auto& [value, weight] : values) {
    below += weight;
    if (below >= half) return value;
  }
  return kNone;
}

Interval median_interval(std::span<const double> samples, double confidence) {
  if (samples.empty()) return {kNone, kNone};
  return bootstrap([&](Resampler& resampler) { return resampler.median_of(samples); }, confidence);
}

std::string_view to_string(Decision decision) {
  switch (decision) {
    case Decision::faster: return "faster";
    case Decision::slower: return "slower";
    case Decision::not_told_apart: return "not told apart";
  }
  assert(false && "a decision outside the enumeration");
  return "";
}

Contrast contrast_pairs(std::span<const double> incumbent, std::span<const double> challenger, double margin,
                        double confidence) {
  assert(incumbent.size() == challenger.size());
  if (incumbent.empty()) return {.ratio = kNone, .interval = {kNone, kNone}};
  std::vector<double> logs;  // their mean of two middle ones treats both sides alike
  for (std::size_t i = 0; i < incumbent.size(); ++i) logs.push_back(std::log(challenger[i] / incumbent[i]));
  const Interval interval = median_interval(logs, confidence);
  return judge(std::exp(median(logs)), {std::exp(interval.low), std::exp(interval.high)}, margin, logs.size());
}

Contrast contrast_apart(std::span<const double> incumbent, std::span<const double> challenger, double margin,
                        double confidence) {
  if (incumbent.empty() || challenger.empty()) return {.ratio = kNone, .interval = {kNone, kNone}};
  const double ratio = median({challenger.begin(), challenger.end()}) / median({incumbent.begin(), incumbent.end()});
  const auto resampled = [&](Resampler& resampler) {
    const double below = resampler.median_of(incumbent);
    return resampler.median_of(challenger) / below;
  };
  return judge(ratio, bootstrap(resampled, confidence), margin, std::min(incumbent.size(), challenger.size()));
}

Contrast contrast_groups(std::size_t groups, const std::function<double(std::span<const std::size_t>)>& ratio, double margin,
                         double confidence) {
  if (groups == 0) return {.ratio = kNone, .interval = {kNone, kNone}};
  std::vector<std::size_t> numbers(groups);
  std::iota(numbers.begin(), numbers.end(), 0);
  const double of_all = ratio(numbers);
  const auto resampled = [&](Resampler& resampler) {
    for (std::size_t& number : numbers) number = resampler.draw(groups);
    return ratio(numbers);
  };
  return judge(of_all, bootstrap(resampled, confidence), margin, groups);
}

bool is_clear(const Contrast& contrast, double margin) {
  if (contrast.decision != Decision::not_told_apart) return true;
  return contrast.interval.low >= 1 / (1 + margin) && contrast.interval.high <= 1 + margin;
}

}  // namespace nntune
