#include "tuner/program_timing.h"

#include <gtest/gtest.h>

namespace nntune::tuner {
namespace {

TEST(Densest, IsTheSpeedThatTheMachineHadMostOfTheTime) {
  EXPECT_EQ(ProgramTiming::densest({20, 33, 21, 34, 35, 33.5, 20.5, 34}, 1.2), 33);
  EXPECT_EQ(ProgramTiming::densest({20, 33, 21, 20.2, 35, 20.5, 34}, 1.2), 20);
}

TEST(Densest, OfEquallyManyIsTheFaster) { EXPECT_EQ(ProgramTiming::densest({30, 10, 11, 31}, 1.2), 10); }

TEST(Densest, OfNoneIsNothing) { EXPECT_EQ(ProgramTiming::densest({}, 1.2), 0); }

}  // namespace
}  // namespace nntune::tuner
