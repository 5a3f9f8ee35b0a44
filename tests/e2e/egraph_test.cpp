// `nntune egraph extract` as others use it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>

#include "base/json.h"
#include "tests/e2e/process.h"

namespace nntune::e2e {
namespace {

using testing::HasSubstr;

// x + x or 2 * x, where x is dear: the root takes the sum.
const char* const kGraph = R"({"nodes": {
  "sum": {"op": "+", "children": ["x", "x"], "eclass": "r", "cost": 1},
  "double": {"op": "*", "children": ["two", "x"], "eclass": "r", "cost": 1},
  "two": {"op": "2", "children": [], "eclass": "t", "cost": 0.5},
  "x": {"op": "x", "children": [], "eclass": "v", "cost": 5}}, "root_eclasses": ["r"]})";

TEST(EGraphExtract, PrintsTheCheapestTermAsJson) {
  const TemporaryFolder folder;
  const std::string file = (folder / "graph.json").string();
  write_all(file, kGraph);
  for (const char* flags : {"", " --exact", " --exact --limit 5s --seed 7", " --limit 100ms"}) {
    SCOPED_TRACE(flags);
    const Result result = run_nntune("egraph extract " + file + flags);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const Json json = Json::parse(result.out);
    EXPECT_DOUBLE_EQ(json.at("dag_cost"), 6);
    EXPECT_DOUBLE_EQ(json.at("tree_cost"), 11);
    EXPECT_DOUBLE_EQ(json.at("lower_bound"), 6);
    EXPECT_EQ(json.at("optimal"), true);
    EXPECT_EQ(json.at("valid"), true);
    EXPECT_LT(json.at("seconds").get<double>(), 5);
    EXPECT_EQ(json.at("choices"), Json::parse(R"({"r": "sum", "v": "x"})"));
    EXPECT_EQ(result.err, "");
  }
}

TEST(EGraphExtract, ReadsGzip) {
  const TemporaryFolder folder;
  const std::string file = (folder / "graph.json").string();
  write_all(file, kGraph);
  ASSERT_EQ(std::system(("gzip " + file).c_str()), 0);
  const Result result = run_nntune("egraph extract " + file + ".gz");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_DOUBLE_EQ(Json::parse(result.out).at("dag_cost"), 6);
}

TEST(EGraphExtract, InterruptGivesTheBestSoFar) {
  const std::string file = test_support::shared_folder() /
                           "egraphs/babble__logo_logo_batch_50_1h_ellisk_2019-03-23T14.13.04--bench001_it8.json.gz";
  NNTUNE_NEED_DATA(file);
  const auto begin = std::chrono::steady_clock::now();
  const Result result = run_nntune("egraph extract " + file + " --exact --limit 5m", "(sleep 2; kill -INT $$) &");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
  EXPECT_THAT(result.err, HasSubstr("interrupted"));
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json.at("valid"), true);
  EXPECT_LE(json.at("lower_bound").get<double>(), json.at("dag_cost").get<double>());
}

}  // namespace
}  // namespace nntune::e2e
