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
