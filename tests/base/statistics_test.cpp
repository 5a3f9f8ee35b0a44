#include "base/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

namespace nntune {
namespace {

TEST(Median, IsTheMiddle) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
  EXPECT_TRUE(std::isnan(median({})));
}

TEST(WeightedMedian, IsWhereHalfOfTheWeightLies) {
  EXPECT_EQ(weighted_median({{3, 1}, {1, 1}, {2, 1}}), 2);
  EXPECT_EQ(weighted_median({{1, 1}, {2, 1}, {3, 10}}), 3);
  EXPECT_TRUE(std::isnan(weighted_median({})));
}

TEST(MedianInterval, HoldsTheMedianAndNoMoreThanTheSamples) {
  const std::vector<double> samples = {5, 1, 4, 2, 3, 9, 7, 8, 6};
  const Interval interval = median_interval(samples);
  EXPECT_GE(interval.low, 1);
  EXPECT_LT(interval.low, 5);
  EXPECT_GT(interval.high, 5);
  EXPECT_LE(interval.high, 9);
  // Order statistics 2 and 8 of nine hold the median with 96 % (binomial), 3 and 7 with 82 %.
  EXPECT_LE(interval.low, 3);
  EXPECT_GE(interval.high, 7);
}

TEST(MedianInterval, OfOneSampleIsThatSample) {
  const Interval interval = median_interval(std::vector<double>{3});
  EXPECT_EQ(interval.low, 3);
  EXPECT_EQ(interval.high, 3);
  EXPECT_TRUE(std::isnan(median_interval({}).low));
}

TEST(ContrastPairs, SameSamplesGiveTheSameAnswer) {
  std::mt19937_64 rng(1);
  std::vector<double> a, b;
  for (int i = 0; i < 20; ++i) {
    a.push_back(1 + 1e-3 * static_cast<double>(rng() % 100));
    b.push_back(1 + 1e-3 * static_cast<double>(rng() % 100));
  }
  const Contrast first = contrast_pairs(a, b, 0);
  const Contrast second = contrast_pairs(a, b, 0);
  EXPECT_EQ(first.interval.low, second.interval.low);
  EXPECT_EQ(first.interval.high, second.interval.high);
}

TEST(ContrastPairs, ChallengerAndIncumbentMirrorEachOther) {
  const std::vector<double> a = {1.00, 1.01, 1.02, 0.99, 1.00, 1.01, 0.98, 1.00, 1.01, 1.00};
  std::vector<double> b;
  for (const double x : a) b.push_back(1.05 * x);
  EXPECT_EQ(contrast_pairs(a, b, 0.01).decision, Decision::slower);
  EXPECT_EQ(contrast_pairs(b, a, 0.01).decision, Decision::faster);
  EXPECT_NEAR(contrast_pairs(a, b, 0.01).ratio, 1.05, 1e-12);
  EXPECT_NEAR(contrast_pairs(a, b, 0.01).ratio * contrast_pairs(b, a, 0.01).ratio, 1, 1e-12);
  EXPECT_EQ(contrast_pairs(a, b, 0.06).decision, Decision::not_told_apart);
  EXPECT_TRUE(is_clear(contrast_pairs(a, b, 0.01), 0.01)) << "told apart";
  EXPECT_TRUE(is_clear(contrast_pairs(a, a, 0.01), 0.01)) << "a tie";
}

TEST(ContrastPairs, FewPairsTellNothingApart) {
  const std::vector<double> a(kLeastPairs - 1, 1.0);
  const std::vector<double> b(kLeastPairs - 1, 2.0);
  EXPECT_EQ(contrast_pairs(a, b, 0).decision, Decision::not_told_apart);
  EXPECT_EQ(contrast_pairs({}, {}, 0).decision, Decision::not_told_apart);
}

TEST(ContrastPairs, AModeOfTheMachineDoesNotMoveTheRatio) {
  // Half of the pairs take twice the time; alone, the two medians could come from different modes.
  std::vector<double> a, b;
  for (int i = 0; i < 21; ++i) {
    const double mode = i < 11 ? 1.0 : 2.0;
    a.push_back(mode);
    b.push_back(mode * 1.1);
  }
  EXPECT_NEAR(contrast_pairs(a, b, 0.01).ratio, 1.1, 1e-12);
  EXPECT_EQ(contrast_pairs(a, b, 0.01).decision, Decision::slower);
}

/// Pairs from a machine that drifts by a fifth, changes its mode, stalls in one of twenty samples, and has noise of 1 %.
struct Moody {
  std::mt19937_64 rng;
  double slower = 1;
  double uniform() { return static_cast<double>(rng() >> 11) * 0x1p-53; }
  double normal() { return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(6.283185307179586 * uniform()); }
  double sample(double level) {
    const double stall = uniform() < 0.05 ? 1 + 20 * uniform() : 1;
    return level * (1 + 0.01 * normal() + 0.005 * std::abs(normal())) * stall;
  }
  void pairs(int count, std::vector<double>& a, std::vector<double>& b) {
    double mode = 1;
    for (int i = 0; i < count; ++i) {
      if (uniform() < 0.05) mode = mode == 1 ? 1.8 : 1;
      const double level = mode * (1 + 0.2 * i / count);
      a.push_back(sample(level));
      b.push_back(sample(level * slower));
    }
  }
};

/// Twins on a machine that favours one of them for the whole of a group of 16 pairs; contrasted by pairs or by groups.
Contrast favoured_twins(std::uint64_t seed, bool by_groups) {
  constexpr std::size_t kGroups = 16;
  constexpr std::size_t kPairs = 16;
  Moody machine{.rng = std::mt19937_64(seed)};
  std::vector<double> a, b;
  for (std::size_t group = 0; group < kGroups; ++group) {
    machine.slower = 1 + 0.02 * machine.normal();
    machine.pairs(kPairs, a, b);
  }
  if (!by_groups) return contrast_pairs(a, b, 0);
  const auto ratio = [&](std::span<const std::size_t> groups) {
    std::vector<double> ratios;
    for (const std::size_t group : groups) {
      for (std::size_t i = group * kPairs; i < (group + 1) * kPairs; ++i) ratios.push_back(b[i] / a[i]);
    }
    return median(std::move(ratios));
  };
  return contrast_groups(kGroups, ratio, 0);
}

TEST(ContrastGroups, SamplesThatResembleEachOtherDoNotCountAsMany) {
  int by_pairs = 0;
  int by_groups = 0;
  constexpr int kDuels = 200;
  for (std::uint64_t seed = 0; seed < kDuels; ++seed) {
    by_pairs += favoured_twins(seed, false).decision != Decision::not_told_apart ? 1 : 0;
    by_groups += favoured_twins(seed, true).decision != Decision::not_told_apart ? 1 : 0;
  }
  EXPECT_LE(by_groups, 0.1 * kDuels);
  EXPECT_GT(by_pairs, 0.3 * kDuels) << "what groups are for";
}

TEST(ContrastGroups, OfNoGroupIsNothing) {
  const Contrast none = contrast_groups(
      0, [](auto) { return 1.0; }, 0);
  EXPECT_TRUE(std::isnan(none.ratio));
  EXPECT_EQ(none.decision, Decision::not_told_apart);
}

/// The fraction of contrasts with that decision.
double rate(double slower, double margin, Decision decision, int pairs = 32) {
  constexpr int kDuels = 400;
  int found = 0;
  for (int duel = 0; duel < kDuels; ++duel) {
    Moody machine{.rng = std::mt19937_64(static_cast<std::uint64_t>(duel)), .slower = slower};
    std::vector<double> a, b;
    machine.pairs(pairs, a, b);
    found += contrast_pairs(a, b, margin).decision == decision ? 1 : 0;
  }
  return static_cast<double>(found) / kDuels;
}

TEST(ContrastPairs, TellsTwinsApartNoMoreOftenThanPromised) {
  for (const int pairs : {static_cast<int>(kLeastPairs), 16, 64}) {
    const double told_apart = 1 - rate(1.0, 0, Decision::not_told_apart, pairs);
    RecordProperty("told_apart_" + std::to_string(pairs), std::to_string(told_apart));
    EXPECT_LE(told_apart, 0.075) << pairs << " pairs; 5 % and two standard deviations of 400 duels";
  }
  EXPECT_EQ(rate(1.0, 0.01, Decision::not_told_apart), 1);
}

TEST(ContrastPairs, FindsThreePercentOnAMoodyMachine) {
  const double found = rate(1.03, 0.01, Decision::slower);
  RecordProperty("found", std::to_string(found));
  EXPECT_GE(found, 0.9);
  EXPECT_GE(rate(1 / 1.03, 0.01, Decision::faster), 0.9);
}

TEST(ContrastApart, ComparesMediansOfDifferentLengths) {
  std::vector<double> a, b;
  for (int i = 0; i < 30; ++i) a.push_back(1 + 0.001 * (i % 10));
  for (int i = 0; i < 17; ++i) b.push_back(1.1 + 0.001 * (i % 10));
  const Contrast contrast = contrast_apart(a, b, 0.01);
  EXPECT_NEAR(contrast.ratio, 1.1, 0.003);
  EXPECT_EQ(contrast.decision, Decision::slower);
  EXPECT_TRUE(std::isnan(contrast_apart(a, {}, 0).ratio));
}

}  // namespace
}  // namespace nntune
