#include "compiler/schedule/enumerate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nntune::schedule {
namespace {

std::vector<std::string> all(const Space& space) {
  std::vector<std::string> texts;
  for_each_schedule(space, [&](const Schedule& schedule) { texts.push_back(schedule.text()); });
  return texts;
}

TEST(Enumerate, VisitsWhatIsNotRefusedWithTheFirstKnobFastest) {
  Space space;
  space.knobs = {{"b", {1, 2}}, {"a", {7, 5, 6}}};
  space.refuse = [](const Schedule& s) { return s.at("b") == 2 && s.at("a") == 5 ? "no" : ""; };
  EXPECT_THAT(all(space), testing::ElementsAre(R"({"a":7,"b":1})", R"({"a":7,"b":2})", R"({"a":5,"b":1})",
                                               R"({"a":6,"b":1})", R"({"a":6,"b":2})"));
}

TEST(Enumerate, AKnobWithoutValuesLeavesNothing) {
  Space space;
  space.knobs = {{"a", {1, 2}}, {"b", {}}};
  EXPECT_TRUE(all(space).empty());
}

TEST(Enumerate, NoKnobsAreOneSchedule) { EXPECT_EQ(all(Space()).size(), 1U); }

}  // namespace
}  // namespace nntune::schedule
