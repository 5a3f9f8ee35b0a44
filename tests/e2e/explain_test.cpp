// `nntune explain` as a user runs it: text, JSON and page tell the same, of the phases asked for.
#include <gmock/gmock.h>

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
  const std::string command = "explain " + model + " --db " + (folder / "empty.db").string();
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
  const std::string command = "explain " + model + " --phase decode --db " + (folder / "empty.db").string();
  const Result text = run_nntune(command);
  ASSERT_EQ(text.exit_code, 0) << text.err;
  for (const char* word : {"decode, 1 token", "runner-up", "rules", "estimated from", "layouts", "cut anything off"}) {
    EXPECT_THAT(text.out, HasSubstr(word));
  }
  EXPECT_THAT(text.out, Not(HasSubstr("\nprefill, ")));
}

}  // namespace
}  // namespace nntune::e2e
