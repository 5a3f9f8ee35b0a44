#include "compiler/schedule/schedule.h"

#include <gtest/gtest.h>

#include <set>

#include "base/json.h"

namespace nntune::schedule {
namespace {

Space small_space() {
  Space space;
  space.knobs = {{"mr", {1, 2, 4, 6, 8}}, {"nv", {1, 2, 3, 4}}, {"one", {7}}};
  space.refuse = [](const Schedule& s) { return s.at("mr") * s.at("nv") > 16 ? "too many registers" : ""; };
  return space;
}

Expected<Schedule> read(const char* text) { return small_space().read(Json::parse(text)); }

TEST(Schedule, TextIsCanonical) {
  const auto schedule = read(R"({"one":7, "nv":2, "mr":6})");
  ASSERT_TRUE(schedule);
  EXPECT_EQ(schedule->text(), R"({"mr":6,"nv":2,"one":7})");
}

TEST(Space, SizeCountsCombinations) { EXPECT_EQ(small_space().size(), 20); }

TEST(Space, BadSchedulesAreRefusedOnReading) {
  for (const char* text :
       {"[]", "1", R"({"mr":6,"nv":2})", R"({"mr":6,"nv":2,"one":7,"two":1})", R"({"mr":6.0,"nv":2,"one":7})",
        R"({"mr":"6","nv":2,"one":7})", R"({"mr":5,"nv":2,"one":7})", R"({"mr":8,"nv":4,"one":7})",
        R"({"mr":18446744073709551615,"nv":4,"one":7})", R"({"mr":null,"nv":4,"one":7})"}) {
    const auto schedule = read(text);
    ASSERT_FALSE(schedule) << text;
    EXPECT_EQ(schedule.error().kind, ErrorKind::bad_input);
  }
}

TEST(Space, RandomMutateAndCrossGiveValidSchedules) {
  const Space space = small_space();
  std::mt19937_64 rng(1);
  std::set<std::string> seen;
  for (int i = 0; i < 300; ++i) {
    const Schedule a = space.random(rng).value();
    const Schedule b = space.random(rng).value();
    const Schedule child = space.mutate(a, rng).value();
    EXPECT_NE(child, a);
    const Schedule crossed = space.cross(a, b, rng).value();
    for (const auto& [name, value] : crossed.knobs) EXPECT_TRUE(value == a.at(name) || value == b.at(name));
    for (const Schedule& s : {a, b, child, crossed}) EXPECT_TRUE(space.validate(s)) << s.text();
    seen.insert(child.text());
  }
  EXPECT_EQ(seen.size(), 16U);  // 20 combinations, of which 4 hold more than 16 registers
}

TEST(Space, NothingValidIsInfeasibleAndNotALoop) {
  Space space = small_space();
  space.refuse = [](const Schedule&) { return "never"; };
  std::mt19937_64 rng(1);
  EXPECT_EQ(space.random(rng).error().kind, ErrorKind::infeasible);
  Space single;
  single.knobs = {{"one", {7}}};
  EXPECT_FALSE(single.mutate(single.random(rng).value(), rng));
}

}  // namespace
}  // namespace nntune::schedule
