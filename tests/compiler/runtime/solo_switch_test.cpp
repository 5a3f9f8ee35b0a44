#include "compiler/runtime/solo_switch.h"

#include <gtest/gtest.h>

namespace nntune::runtime {
namespace {

/// Seconds that `runs` runs take together, and alone how many were by one thread.
struct Outcome {
  double seconds = 0;
  int alone = 0;
};

Outcome play(SoloSwitch& solo, int runs, double team_seconds, double alone_seconds, double slept) {
  Outcome outcome;
  for (int i = 0; i < runs; ++i) {
    const double seconds = solo.alone() ? alone_seconds : team_seconds;
    outcome.seconds += seconds;
    outcome.alone += solo.alone() ? 1 : 0;
    solo.record(seconds, solo.alone() ? 0 : slept);
  }
  return outcome;
}

TEST(SoloSwitch, OnAQuietMachineOneThreadIsNeverTried) {
  SoloSwitch solo;
  EXPECT_EQ(play(solo, 1000, 1.0, 0.5, 0.01).alone, 0) << "even if it were faster: nothing says so";
}

TEST(SoloSwitch, OnABusyMachineTheFasterWayWorks) {
  SoloSwitch slow_team;
  const Outcome outcome = play(slow_team, 1000, 3.0, 1.0, 0.4);
  EXPECT_GT(outcome.alone, 850);
  EXPECT_LT(outcome.seconds, 1.3 * 1000);
  SoloSwitch fast_team;
  EXPECT_LT(play(fast_team, 1000, 1.0, 2.0, 0.4).seconds, 1.15 * 1000);
}

TEST(SoloSwitch, TheTeamComesBackWhenTheMachineIsQuietAgain) {
  SoloSwitch solo;
  play(solo, 200, 3.0, 1.0, 0.4);
  const Outcome outcome = play(solo, 200, 0.6, 1.0, 0.0);
  EXPECT_LT(outcome.alone, 2 * SoloSwitch::kPeriod);
  EXPECT_FALSE(solo.alone());
}

}  // namespace
}  // namespace nntune::runtime
