// `nntune explain` as a user runs it: text, JSON and page tell the same, of the phases asked for.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "tests/e2e/process.h"

namespace nntune::e2e {
namespace {

using testing::HasSubstr;
using testing::Not;

std::set<std::string> workloads_of(const Json& facts) {
  std::set<std::string> result;
  for (const Json& phase : facts["phases"]) {
    for (const Json& kernel : phase["kernels"]) result.insert(kernel["workload"]);
  }
  return result;
}

TEST(Explain, PageHoldsWhatJsonTellsAndTheEGraph) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const TemporaryFolder folder;
  const std::string page = (folder / "page.html").string();
  const std::string command = "explain " + model + " --db " + empty_database(folder);
  const Result json = run_nntune(command + " --json --html " + page);
  ASSERT_EQ(json.exit_code, 0) << json.err;
  const Json facts = Json::parse(json.out);
  EXPECT_GE(workloads_of(facts).size(), 10U);

  const std::string html = read_all(page);
  EXPECT_TRUE(html.starts_with("<!doctype html>"));
  EXPECT_THAT(html, Not(HasSubstr("src=\"")));
  const std::string begin = "<script id=\"data\" type=\"application/json\">";
  const std::size_t at = html.find(begin) + begin.size();
  const Json data = Json::parse(html.substr(at, html.find("</script>", at) - at));
  EXPECT_EQ(workloads_of(data["facts"]), workloads_of(facts));
  EXPECT_EQ(data["egraph"]["classes"].size(), facts["classes"].get<std::size_t>());
}

TEST(Explain, PhaseLimitsTheText) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const TemporaryFolder folder;
  const std::string command = "explain " + model + " --phase decode --db " + empty_database(folder);
  const Result text = run_nntune(command);
  ASSERT_EQ(text.exit_code, 0) << text.err;
  for (const char* word : {"decode, 1 token", "runner-up", "rules", "estimated from", "layouts", "cut anything off"}) {
    EXPECT_THAT(text.out, HasSubstr(word));
  }
  EXPECT_THAT(text.out, Not(HasSubstr("\nprefill, ")));
}

TEST(Explain, DefaultTextHasWhatMattersAndSaysHowToGetTheRest) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const TemporaryFolder folder;
  const std::string command = "explain " + model + " --db " + empty_database(folder);
  const Result text = run_nntune(command);
  const Result all = run_nntune(command + " --all");
  ASSERT_EQ(text.exit_code, 0) << text.err;
  ASSERT_EQ(all.exit_code, 0) << all.err;
  for (const char* word : {"prefill, 128 tokens", "prefill, 512 tokens", "memory ", "gap", "--all"}) {
    EXPECT_THAT(text.out, HasSubstr(word));
  }
  const auto lines = [](const std::string& out) { return std::ranges::count(out, '\n'); };
  EXPECT_LT(lines(text.out), 0.7 * static_cast<double>(lines(all.out)));
  EXPECT_EQ(run_nntune(command + " --all --brief").exit_code, 2);
}

TEST(Explain, ExactProvesTheProgramOrSaysHowFarItMayBeOff) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const TemporaryFolder folder;
  const std::string command = "explain " + model + " --json --db " + empty_database(folder);
  const Result plain = run_nntune(command);
  const Result exact = run_nntune(command + " --exact --limit 2s");
  ASSERT_EQ(exact.exit_code, 0) << exact.err;
  const Json before = Json::parse(plain.out);
  const Json after = Json::parse(exact.out);
  for (const Json& facts : {before, after}) {
    EXPECT_LE(facts["lower_bound"].get<double>(), facts["cost"].get<double>());
    EXPECT_GE(facts["gap"].get<double>(), 0);
  }
  EXPECT_LE(after["cost"].get<double>(), before["cost"].get<double>());
  EXPECT_GE(after["lower_bound"].get<double>(), before["lower_bound"].get<double>());
  EXPECT_EQ(run_nntune(command + " --limit 3s").exit_code, 2);
}

TEST(Explain, APageThatCannotBeWrittenIsToldBeforeTheWork) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const TemporaryFolder folder;
  const Result result = run_nntune("explain " + model + " --html " + (folder / "none" / "page.html").string() + " --db " +
                                   empty_database(folder));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("page.html"));
  const Result unknown = run_nntune("explain no-such-model --html " + (folder / "none" / "page.html").string());
  EXPECT_THAT(unknown.err, HasSubstr("page.html"));
}

std::set<std::string> rules_of(const Json& facts) {
  std::set<std::string> result;
  for (const Json& phase : facts["phases"]) {
    for (const Json& kernel : phase["kernels"]) {
      for (const Json& step : kernel["rules"]) result.insert(step["rule"]);
    }
  }
  return result;
}

// Measured under a permission, the rows are those of other workloads: who did not give it gets no kernel that rests on it.
TEST(Explain, WhatIsAllowedIsSaidAndCountsOnlyWhereItIsGiven) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  constexpr const char* kFold = "fold-scale-into-bf16-weights";
  const TemporaryFolder folder;
  const std::string db = " --db " + (folder / "tuning.db").string();
  const Result search = run_nntune("search " + model + " --trials 12 -t 2 --allow weight-rounding" + db);
  ASSERT_EQ(search.exit_code, 0) << search.err;
  EXPECT_THAT(search.err, HasSubstr("with weight-rounding allowed"));

  const std::string explain = "explain " + model + " -t 2 --json" + db;
  const Result plain = run_nntune(explain);
  ASSERT_EQ(plain.exit_code, 0) << plain.err;
  const Json without = Json::parse(plain.out);
  EXPECT_TRUE(without["allowed"].empty());
  EXPECT_FALSE(rules_of(without).contains(kFold));

  const Result given = run_nntune(explain + " --allow weight-rounding,quantised-activations");
  ASSERT_EQ(given.exit_code, 0) << given.err;
  const Json with = Json::parse(given.out);
  ASSERT_EQ(with["allowed"].size(), 2U);
  EXPECT_TRUE(rules_of(with).contains(kFold));
  EXPECT_EQ(with["allowed"][0]["name"], "weight-rounding");
  EXPECT_GT(with["allowed"][0]["kernels"].get<int>(), 0);
  EXPECT_EQ(with["allowed"][1]["kernels"], 0) << "no weight of this model is quantised";
  const Result text = run_nntune("explain " + model + " -t 2 --brief --allow weight-rounding" + db);
  EXPECT_THAT(text.out, HasSubstr("allowed, weight-rounding: norms are folded into bf16 weights"));
}

// A module knows what it was allowed, and says so.
TEST(Explain, AModuleSaysWhatItWasAllowed) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const TemporaryFolder folder;
  const std::string module = (folder / "out.nnm").string();
  const Result compile =
      run_nntune("compile " + model + " --allow weight-rounding -o " + module + " --db " + empty_database(folder));
  ASSERT_EQ(compile.exit_code, 0) << compile.err;
  EXPECT_THAT(compile.out, HasSubstr("--allow weight-rounding: norms are folded"));
  const Result run = run_nntune("run " + module + " --tokens 1,2,3 --ids -n 2");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("compiled with --allow weight-rounding: norms are folded"));
}

TEST(Explain, TooLittleMemorySaysWhatIsEnough) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const TemporaryFolder folder;
  const std::string rest = " --db " + empty_database(folder);
  const std::string command = "compile " + model + " -o " + (folder / "out.nnm").string() + rest;
  const Result none = run_nntune(command + " --memory 10k");
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_EQ(std::ranges::count(none.err, '\n'), 1) << none.err;
  EXPECT_THAT(none.err, HasSubstr("no program fits into 10.0 kB: the smallest found needs "));
  const std::size_t at = none.err.find("needs ") + 6;
  std::string needed = none.err.substr(at, none.err.find(" (", at) - at);
  std::erase(needed, ' ');
  const Result enough = run_nntune(command + " --memory " + needed);
  EXPECT_EQ(enough.exit_code, 0) << enough.err;
  EXPECT_EQ(run_nntune("explain " + model + rest + " --memory lots").exit_code, 2);
}

}  // namespace
}  // namespace nntune::e2e
