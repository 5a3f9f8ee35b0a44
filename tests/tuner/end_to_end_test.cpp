#include "tuner/end_to_end.h"

#include <gtest/gtest.h>

namespace nntune::tuner {
namespace {

TEST(DuelMeans, OfOnePairAreThePair) {
  const auto [first, second] = Duel::middle_means({{2.0, 3.0}});
  EXPECT_DOUBLE_EQ(first, 2);
  EXPECT_DOUBLE_EQ(second, 3);
}

TEST(DuelMeans, OfThreePairsAreTheMiddlePair) {
  const auto [first, second] = Duel::middle_means({{9.0, 9.0}, {2.0, 3.0}, {1.0, 1.5}});
  EXPECT_DOUBLE_EQ(first, 2);
  EXPECT_DOUBLE_EQ(second, 3);
}

TEST(DuelMeans, BothCountTheSamePairsWhenTheMachineChangesItsSpeed) {
  // The second is 10 % faster in every pair, and the machine is twice as fast in half of them. Medians of each alone would
  // take the first of one mode and the second of the other.
  Duel::Pairs pairs;
  for (int i = 0; i < 8; ++i) {
    const double mode = i % 2 == 0 ? 1 : 2;
    pairs.emplace_back(mode * (i < 2 ? 1.3 : 1.0), mode * (i < 2 ? 1.17 : 0.9));
  }
  const auto [first, second] = Duel::middle_means(pairs);
  EXPECT_NEAR(second / first, 0.9, 1e-9);
}

TEST(DuelMeans, AStallIsNoPartOfThem) {
  const auto [first, second] = Duel::middle_means({{1, 2}, {1, 2}, {50, 2}, {1, 2}, {1, 90}});
  EXPECT_DOUBLE_EQ(first, 1);
  EXPECT_DOUBLE_EQ(second, 2);
}

}  // namespace
}  // namespace nntune::tuner
