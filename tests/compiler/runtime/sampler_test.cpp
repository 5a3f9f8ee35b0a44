#include "compiler/runtime/sampler.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <map>
#include <vector>

namespace nntune::runtime {
namespace {

using ::testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Sampler sampler(double temperature, int top_k = 0, double top_p = 1, std::uint64_t seed = 1) {
  return Sampler::create({temperature, top_k, top_p, seed}).value();
}

std::map<int, int> counts(Sampler from, const std::vector<float>& logits, int draws) {
  std::map<int, int> count;
  for (int i = 0; i < draws; ++i) ++count[from.sample(logits)];
  return count;
}

/// Pearson's statistic of `draws` draws against the given probabilities; expects no token outside them.
double chi_square(const std::map<int, int>& count, const std::map<int, double>& probabilities, int draws) {
  double statistic = 0;
  for (const auto& [token, observed] : count) {
    EXPECT_TRUE(probabilities.contains(token)) << token << " was drawn " << observed << " times";
  }
  for (const auto& [token, probability] : probabilities) {
    const double expected = probability * draws;
    const double observed = count.contains(token) ? count.at(token) : 0;
    statistic += (observed - expected) * (observed - expected) / expected;
  }
  return statistic;
}

TEST(SplitMix64, GivesThePublishedNumbers) {
  // The sequence of seed 1234567 that the reference implementation prints.
  SplitMix64 random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317U);
  EXPECT_EQ(random.next(), 3203168211198807973U);
  EXPECT_EQ(random.next(), 9817491932198370423U);
  EXPECT_EQ(random.next(), 4593380528125082431U);
}

TEST(SplitMix64, UniformNumbersFillTheUnitInterval) {
  SplitMix64 random(5);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    const double value = random.next_uniform();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.012);  // four standard deviations
}

TEST(Sampler, GreedyTakesTheLowestIndexAmongEqual) {
  EXPECT_EQ(sampler(0).sample(std::vector<float>{-1, 3, 2, 3}), 1);
  EXPECT_EQ(sampler(0).sample(std::vector<float>{0, 0, 0}), 0);
  EXPECT_EQ(sampler(0).sample(std::vector<float>{-kInfinity, -5}), 1);
}

TEST(Sampler, GreedyIgnoresTheOtherOptions) { EXPECT_EQ(sampler(0, 2, 0.1, 9).sample(std::vector<float>{1, 2, 3}), 2); }

TEST(Sampler, DrawsFollowTheSoftmaxOfTheTemperature) {
  constexpr int kDraws = 100'000;
  const std::vector<float> logits = {0.5F, 2.0F, -1.0F, 1.0F, -kInfinity, 0.0F};
  for (const double temperature : {0.5, 1.0, 2.5}) {
    std::map<int, double> probabilities;
    double total = 0;
    for (const int token : {0, 1, 2, 3, 5}) {
      total += probabilities[token] = std::exp(logits[static_cast<std::size_t>(token)] / temperature);
    }
    for (auto& [token, probability] : probabilities) probability /= total;
    // 4 degrees of freedom: 18.5 is exceeded by chance once in 1000 seeds, and the seed is fixed.
    EXPECT_LT(chi_square(counts(sampler(temperature), logits, kDraws), probabilities, kDraws), 18.5) << temperature;
    // The test would see a temperature that is 5 % off.
    EXPECT_GT(chi_square(counts(sampler(temperature * 1.05), logits, kDraws), probabilities, kDraws), 18.5) << temperature;
  }
}

TEST(Sampler, TopKKeepsTheKLargestAndRenormalizes) {
  constexpr int kDraws = 50'000;
  const std::vector<float> logits = {std::log(1.0F), std::log(4.0F), std::log(2.0F), std::log(3.0F)};
  EXPECT_LT(chi_square(counts(sampler(1, 2), logits, kDraws), {{1, 4.0 / 7}, {3, 3.0 / 7}}, kDraws), 10.8);
  EXPECT_EQ(counts(sampler(1, 1), logits, 100).size(), 1U);
  EXPECT_EQ(counts(sampler(1, 100), logits, 1000).size(), 4U) << "more than there are";
}

TEST(Sampler, TopKTakesTheLowestIndicesAmongEqual) {
  const auto count = counts(sampler(1, 2), {1, 1, 1, 1}, 1000);
  EXPECT_EQ(count.size(), 2U);
  EXPECT_TRUE(count.contains(0) && count.contains(1));
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  constexpr int kDraws = 50'000;
  const std::vector<float> logits = {std::log(1.0F), std::log(5.0F), std::log(1.0F), std::log(3.0F)};  // 0.1 0.5 0.1 0.3
  EXPECT_EQ(counts(sampler(1, 0, 0.49), logits, 200).size(), 1U);
  EXPECT_LT(chi_square(counts(sampler(1, 0, 0.6), logits, kDraws), {{1, 5.0 / 8}, {3, 3.0 / 8}}, kDraws), 10.8);
  EXPECT_LT(chi_square(counts(sampler(1, 0, 0.85), logits, kDraws), {{0, 1.0 / 9}, {1, 5.0 / 9}, {3, 3.0 / 9}}, kDraws),
            13.8)
      << "of the two equal ones the first";
  EXPECT_EQ(counts(sampler(1, 0, 1e-300), logits, 200).size(), 1U) << "at least one stays";
}

TEST(Sampler, TopPCutsWhatTopKLeft) {
  constexpr int kDraws = 50'000;
  const std::vector<float> logits = {std::log(1.0F), std::log(5.0F), std::log(1.0F), std::log(3.0F)};
  // Top-k 2 leaves 5/8 and 3/8, so 0.62 is reached by one, while it takes two of all four.
  EXPECT_EQ(counts(sampler(1, 2, 0.62), logits, 200).size(), 1U);
  EXPECT_LT(chi_square(counts(sampler(1, 2, 0.63), logits, kDraws), {{1, 5.0 / 8}, {3, 3.0 / 8}}, kDraws), 10.8);
}

TEST(Sampler, TheSeedDecidesTheDraws) {
  const std::vector<float> logits(1000, 0.0F);
  const auto draws = [&](std::uint64_t seed) {
    Sampler from = sampler(1, 0, 1, seed);
    std::vector<int> tokens(20);
    for (int& token : tokens) token = from.sample(logits);
    return tokens;
  };
  EXPECT_EQ(draws(3), draws(3));
  EXPECT_NE(draws(3), draws(4));
}

TEST(Sampler, DrawsAreTheSameOnEveryMachine) {
  // Equal logits: token = floor(1000 u), u from SplitMix64(1234567), whose first number is about 0.35008 * 2^64.
  Sampler from = sampler(0.7, 0, 1, 1234567);
  const std::vector<float> logits(1000, 0.25F);
  EXPECT_THAT((std::vector<int>{from.sample(logits), from.sample(logits), from.sample(logits)}), ElementsAre(350, 173, 532));
}

TEST(Sampler, OddLogitsDoNotBreakIt) {
  for (const double temperature : {0.0, 1.0}) {
    EXPECT_EQ(sampler(temperature, 2, 0.9).sample(std::vector<float>{kNan, 1, kNan}), 1);
    EXPECT_EQ(sampler(temperature).sample(std::vector<float>{kNan, -kInfinity}), 0);
    EXPECT_EQ(sampler(temperature).sample(std::vector<float>{5, kInfinity, kInfinity}), 1);
    EXPECT_EQ(sampler(temperature).sample(std::vector<float>{7}), 0);
  }
  EXPECT_EQ(counts(sampler(1e-300), {1, 2, 1.999999F}, 100), (std::map<int, int>{{1, 100}})) << "nearly greedy";
  EXPECT_EQ(counts(sampler(1e300), {-3e38F, 3e38F}, 200).size(), 2U) << "nearly uniform";
}

TEST(Sampler, OptionsOutsideTheirRangeAreRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const SamplerOptions& options :
       {SamplerOptions{-0.1, 0, 1, 0}, SamplerOptions{nan, 0, 1, 0},
        SamplerOptions{std::numeric_limits<double>::infinity(), 0, 1, 0}, SamplerOptions{1, -1, 1, 0},
        SamplerOptions{1, 0, 0, 0}, SamplerOptions{1, 0, 1.01, 0}, SamplerOptions{1, 0, -1, 0},
        SamplerOptions{1, 0, nan, 0}}) {
    const auto refused = Sampler::create(options);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::usage);
    EXPECT_FALSE(refused.error().hint.empty());
  }
  EXPECT_EQ(Sampler::create({0.5, -3, 1, 0}).error().message(), "top-k is -3; give a number of tokens, or 0 for all");
}

}  // namespace
}  // namespace nntune::runtime
