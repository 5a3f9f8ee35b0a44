#include "tuner/end_to_end.h"

#include <gtest/gtest.h>

namespace nntune::tuner {
namespace {

constexpr double kClose = 1e-12;

TEST(DuelMiddle, OfOnePairIsThePair) {
  const auto [first, second] = Duel::middle({{2.0, 3.0}});
  EXPECT_NEAR(first, 2, kClose);
  EXPECT_NEAR(second, 3, kClose);
}

TEST(DuelMiddle, KeepsTheRatioWhenTheMachineChangesItsSpeed) {
  // The second is 10 % faster in every pair, and the machine twice as slow in half of them. Medians of each alone could take
  // the first from one mode and the second from the other.
  Duel::Pairs pairs;
  for (int i = 0; i < 7; ++i) {
    const double mode = i % 2 == 0 ? 1 : 2;
    pairs.emplace_back(mode, mode * 0.9);
  }
  const auto [first, second] = Duel::middle(pairs);
  EXPECT_NEAR(second / first, 0.9, kClose);
  EXPECT_NEAR(first, 1, kClose);
}

TEST(DuelMiddle, IsNotMovedByAStall) {
  const auto [first, second] = Duel::middle({{1, 2}, {1, 2}, {50, 2}, {1, 2}, {1, 90}});
  EXPECT_NEAR(first, 1, kClose);
  EXPECT_NEAR(second, 2, kClose);
}

}  // namespace
}  // namespace nntune::tuner
