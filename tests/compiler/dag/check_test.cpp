#include "compiler/dag/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace nntune::dag {
namespace {

using testing::HasSubstr;

// a = f(b, b) or g(a); b = x or h(a).
const Json kGraph = Json::parse(R"({"nodes": {
  "f": {"op": "f", "children": ["x", "h"], "eclass": "a", "cost": 1},
  "g": {"op": "g", "children": ["f"], "eclass": "a", "cost": 0.5},
  "x": {"op": "x", "children": [], "eclass": "b", "cost": 10},
  "h": {"op": "h", "children": ["g"], "eclass": "b", "cost": 2}},
  "root_eclasses": ["a", "a", "b"]})");

TEST(CheckExtraction, CountsClassesOnceAndUsesEachTime) {
  const Verdict verdict = check_extraction(kGraph, {{"a", "f"}, {"b", "x"}});
  EXPECT_TRUE(verdict.valid) << verdict.why;
  EXPECT_DOUBLE_EQ(verdict.dag_cost, 11);
  EXPECT_DOUBLE_EQ(verdict.tree_cost, 21 + 21 + 10);
}

TEST(CheckExtraction, RefusesWhatNeedsItself) {
  EXPECT_THAT(check_extraction(kGraph, {{"a", "g"}, {"b", "x"}}).why, HasSubstr("'a' needs itself"));
  EXPECT_THAT(check_extraction(kGraph, {{"a", "f"}, {"b", "h"}}).why, HasSubstr("needs itself"));
}

TEST(CheckExtraction, RefusesMissingAndForeignChoices) {
  EXPECT_THAT(check_extraction(kGraph, {{"a", "f"}}).why, HasSubstr("'b' has no choice"));
  EXPECT_THAT(check_extraction(kGraph, {{"b", "x"}}).why, HasSubstr("'a' has no choice"));
  EXPECT_THAT(check_extraction(kGraph, {{"a", "x"}, {"b", "x"}}).why, HasSubstr("of class"));
  EXPECT_THAT(check_extraction(kGraph, {{"a", "y"}, {"b", "x"}}).why, HasSubstr("no node"));
  EXPECT_FALSE(check_extraction(kGraph, {{"a", "y"}, {"b", "x"}}).valid);
}

TEST(CheckExtraction, RefusesSubsumedNodes) {
  Json graph = kGraph;
  graph["nodes"]["x"]["subsumed"] = true;
  EXPECT_FALSE(check_extraction(graph, {{"a", "f"}, {"b", "x"}}).valid);
}

TEST(CheckExtraction, WalksLongChains) {
  Json graph = {{"nodes", Json::object()}, {"root_eclasses", {"c0"}}};
  Json choices = Json::object();
  const int length = 20'000;
  for (int i = 0; i < length; ++i) {
    Json children = Json::array();
    if (i + 1 < length) children = {"n" + std::to_string(i + 1), "n" + std::to_string(i + 1)};
    graph["nodes"]["n" + std::to_string(i)] = {
        {"op", "f"}, {"children", children}, {"eclass", "c" + std::to_string(i)}, {"cost", 1}};
    choices["c" + std::to_string(i)] = "n" + std::to_string(i);
  }
  const Verdict verdict = check_extraction(graph, choices);
  EXPECT_TRUE(verdict.valid) << verdict.why;
  EXPECT_DOUBLE_EQ(verdict.dag_cost, length);
  EXPECT_TRUE(std::isinf(verdict.tree_cost));  // 2^20000
}

}  // namespace
}  // namespace nntune::dag
