/// Medians, how sure they are, and which of two candidates is faster: pure functions over samples.
///
/// Medians, because a stall of the host hits some samples and not the others. Bootstrap (Efron, 1979), because nothing is known
/// of the shape of the noise. All resampling starts from one fixed seed: the same samples give the same answer.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace nntune {

/// The middle of the values, the mean of the two middle ones of an even number; NaN of none.
[[nodiscard]] double median(std::vector<double> values);

/// The value below which half of the weight lies. \param values  pairs of value and weight, which is above 0; NaN if there are none
[[nodiscard]] double weighted_median(std::vector<std::pair<double, double>> values);

struct Interval {
  double low = 0;
  double high = 0;
};

inline constexpr double kConfidence = 0.95;

/// Percentile bootstrap interval of the median; NaN to NaN of none.
[[nodiscard]] Interval median_interval(std::span<const double> samples, double confidence = kConfidence);

enum class Decision { faster, slower, not_told_apart };
[[nodiscard]] std::string_view to_string(Decision decision);

/// A challenger against an incumbent.
struct Contrast {
  double ratio = 1;  ///< challenger over incumbent: above 1 it is slower; NaN without samples
  Interval interval{};
  Decision decision = Decision::not_told_apart;
};

/// Fewer pairs than this tell nothing apart: an interval from them is narrower than the truth.
inline constexpr std::size_t kLeastPairs = 8;

/// The median of the ratios within pairs, which a machine that drifts or changes its mode between pairs does not move. The
/// challenger is faster (slower) if its whole interval lies below (above) 1 by more than the fraction `margin`.
/// \param incumbent, challenger  of equal length; times of the same index are of the same moment
[[nodiscard]] Contrast contrast_pairs(std::span<const double> incumbent, std::span<const double> challenger, double margin,
                                      double confidence = kConfidence);

/// The ratio of the medians of samples that were taken at different moments; each side is resampled on its own. What the
/// machine did between the moments is in the ratio and not in the interval.
[[nodiscard]] Contrast contrast_apart(std::span<const double> incumbent, std::span<const double> challenger, double margin,
                                      double confidence = kConfidence);

/// The same of samples that come in groups, in which they resemble each other (the tokens of one text, say): a resample draws whole
/// groups. \param ratio  of the groups with these numbers, some of which may come more than once
[[nodiscard]] Contrast contrast_groups(std::size_t groups, const std::function<double(std::span<const std::size_t>)>& ratio,
                                       double margin, double confidence = kConfidence);

/// True once more pairs are not needed: told apart, or the whole interval within the margin on both sides of 1.
[[nodiscard]] bool is_clear(const Contrast& contrast, double margin);

}  // namespace nntune
