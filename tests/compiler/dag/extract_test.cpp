#include "compiler/dag/extract.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "compiler/dag/check.h"
#include "compiler/dag/evaluate.h"
#include "compiler/egraph/serialize.h"
#include "tests/compiler/dag/instances.h"

namespace nntune::dag {
namespace {

using std::chrono::milliseconds;

/// As the independent checker sees it.
Verdict check(const ExtractionInstance& instance, const Choice& choice) {
  Json choices = Json::object();
  for (std::size_t c = 0; c < choice.size(); ++c) {
    if (choice[c] != kNone) choices["c" + std::to_string(c)] = "n" + std::to_string(choice[c]);
  }
  return check_extraction(Json::parse(egraph::to_serialized(instance)), choices);
}

ExtractOptions rounds(std::int64_t count) {
  ExtractOptions options;
  options.search_time = milliseconds(60'000);
  options.search_rounds = count;
  return options;
}

ExtractOptions exact() {
  ExtractOptions options = rounds(20);
  options.exact = true;
  return options;
}

// Both operands of the root can be made of class 3, which is dear, but paid once.
const SmallClasses kShared = {{{1, {1, 2}}}, {{4, {}}, {0, {3}}}, {{4, {}}, {0, {3}}}, {{6, {}}}};

TEST(DagExtract, SharedClassIsPaidOnce) {
  const auto result = extract(make_instance(kShared, {0}), rounds(100));
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_DOUBLE_EQ(result->cost, 7);
  EXPECT_THAT(result->choice, testing::ElementsAre(0, 2, 4, 5));
}

TEST(DagExtract, RepeatedRootsCostOnceInTheDagAndTwiceInTheTree) {
  const ExtractionInstance instance = make_instance(kShared, {1, 1});
  const auto result = extract(instance, rounds(10));
  ASSERT_TRUE(result);
  EXPECT_DOUBLE_EQ(result->cost, 4);
  const Verdict verdict = check(instance, result->choice);
  EXPECT_TRUE(verdict.valid) << verdict.why;
  EXPECT_DOUBLE_EQ(verdict.dag_cost, 4);
  EXPECT_DOUBLE_EQ(verdict.tree_cost, 8);
}

TEST(DagExtract, NeverTakesACycleHoweverCheap) {
  // 1 and 2 are free in a circle.
  const ExtractionInstance instance = make_instance({{{0, {1}}}, {{0, {2}}, {9, {}}}, {{0, {1}}, {0, {2}}, {7, {}}}}, {0});
  for (const ExtractOptions& options : {rounds(100), exact()}) {
    const auto result = extract(instance, options);
    ASSERT_TRUE(result);
    EXPECT_DOUBLE_EQ(result->cost, 7);
    EXPECT_TRUE(result->optimal);
  }
}

TEST(DagExtract, RootWithoutAcyclicDerivationIsNamed) {
  ExtractionInstance instance = make_instance({{{1, {}}}, {{1, {2}}}, {{1, {1}}}}, {0, 1});
  const auto result = extract(instance, exact());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::infeasible);
  EXPECT_THAT(result.error().what, testing::HasSubstr("root class 1"));
}

TEST(DagExtract, CapacityForbidsTheCheapest) {
  // The cheap leaf takes 5 bytes, the dear one 1.
  const SmallClasses classes = {{{1, {1}, 1}}, {{1, {}, 5}, {3, {}, 1}}};
  for (const ExtractOptions& options : {rounds(100), exact()}) {
    const auto free = extract(make_instance(classes, {0}), options);
    ASSERT_TRUE(free);
    EXPECT_DOUBLE_EQ(free->cost, 2);
    const auto tight = extract(make_instance(classes, {0}, 5), options);
    ASSERT_TRUE(tight);
    EXPECT_DOUBLE_EQ(tight->cost, 4);
    EXPECT_DOUBLE_EQ(tight->bytes, 2);
    const auto none = extract(make_instance(classes, {0}, 1), options);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().kind, ErrorKind::infeasible);
  }
}

TEST(DagExtract, SameSeedAndRoundsGiveTheSameChoice) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const ExtractionInstance instance = random_instance(seed, false);
    const auto first = extract(instance, rounds(50));
    const auto second = extract(instance, rounds(50));
    ASSERT_EQ(first.has_value(), second.has_value());
    if (first) {
      EXPECT_EQ(first->choice, second->choice);
    }
  }
}

TEST(DagExtract, StopGivesTheBestSoFar) {
  ExtractOptions options = exact();
  options.stop = [] { return true; };
  const auto result = extract(make_instance(kShared, {0}), options);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->stopped);
  EXPECT_LE(result->lower_bound, 7);
}

class RandomInstances : public testing::TestWithParam<bool> {};

// Greedy is valid, the search as well and no worse, the exact mode gives what trying everything gives.
TEST_P(RandomInstances, AgreeWithTryingEverything) {
  int derivable = 0;
  int improved = 0;
  for (std::uint64_t seed = 1; seed <= 250; ++seed) {
    SCOPED_TRACE(seed);
    const ExtractionInstance instance = random_instance(seed, GetParam());
    const double best = cheapest_by_trying(instance);
    const auto searched = extract(instance, rounds(30));
    const auto proved = extract(instance, exact());
    ASSERT_EQ(proved.has_value(), std::isfinite(best));
    if (!proved) continue;
    ++derivable;
    EXPECT_NEAR(proved->cost, best, 1e-6 * best + 1e-12);
    EXPECT_TRUE(proved->optimal) << proved->lower_bound << " " << proved->solver_trouble;
    const Verdict verdict = check(instance, proved->choice);
    EXPECT_TRUE(verdict.valid) << verdict.why;
    EXPECT_NEAR(verdict.dag_cost, proved->cost, 1e-9 * best + 1e-12);
    EXPECT_LE(proved->bytes, instance.capacity);
    if (!searched) {
      EXPECT_TRUE(GetParam());
      continue;
    }
    EXPECT_TRUE(check(instance, searched->choice).valid);
    EXPECT_LE(searched->lower_bound, best * (1 + 1e-6));
    EXPECT_GE(searched->cost, best * (1 - 1e-6));
    EXPECT_LE(searched->bytes, instance.capacity);
    EXPECT_LE(searched->cost, searched->greedy_cost);
    improved += searched->cost < searched->greedy_cost ? 1 : 0;
  }
  // Else the instances show nothing.
  EXPECT_GT(derivable, 100);
  EXPECT_GT(improved, 5);
}

INSTANTIATE_TEST_SUITE_P(Capacity, RandomInstances, testing::Bool(),
                         [](const auto& at) { return at.param ? "Limited" : "Unlimited"; });

}  // namespace
}  // namespace nntune::dag
