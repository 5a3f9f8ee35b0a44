// The 61 e-graphs of ../shared/egraphs: every result valid, within its bounds, and as cheap as is asked.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/clock.h"
#include "base/json.h"
#include "compiler/dag/check.h"
#include "compiler/dag/evaluate.h"
#include "compiler/dag/extract.h"
#include "compiler/egraph/serialize.h"
#include "tests/support/shared_data.h"

namespace nntune::dag {
namespace {

const std::filesystem::path& folder() {
  static const std::filesystem::path path = test_support::shared_folder() / "egraphs";
  return path;
}
constexpr double kSame = 1e-6;

Json costs() { return *read_json(folder() / "costs.json"); }

struct Shared {
  explicit Shared(const std::string& name) {
    const std::string text = *egraph::read_serialized_text(folder() / (name + ".json.gz"));
    document = Json::parse(text);
    instance = *egraph::parse_serialized(text, name);
  }
  [[nodiscard]] Verdict check(const Choice& choice) const {
    Json choices = Json::object();
    for (std::size_t c = 0; c < choice.size(); ++c) {
      if (choice[c] != kNone) choices[instance.class_names[c]] = instance.node_names[choice[c]];
    }
    return check_extraction(document, choices);
  }
  Json document;
  ExtractionInstance instance;
};

TEST(SharedEGraphs, GreedyAndAShortSearchAreValidAndNear) {
  NNTUNE_NEED_DATA(folder());
  const Json known = costs();
  double gap = 0;
  for (const auto& [name, entry] : known.items()) {
    SCOPED_TRACE(name);
    const Shared shared(name);
    EXPECT_EQ(shared.instance.class_count(), entry.at("classes").get<std::size_t>());
    EXPECT_EQ(shared.instance.node_count(), entry.at("nodes").get<std::size_t>());
    EXPECT_EQ(shared.instance.roots.size(), entry.at("roots").get<std::size_t>());
    const Choice greedy = greedy_choice(shared.instance);
    ExtractOptions options;
    options.search_time = std::chrono::milliseconds(50);
    const auto searched = extract(shared.instance, options);
    ASSERT_TRUE(searched) << searched.error().message();
    const double best = entry.at("best_known_dag_cost");
    const bool optimal = entry.at("optimal");
    for (const Choice* choice : {&greedy, &searched->choice}) {
      const Verdict verdict = shared.check(*choice);
      EXPECT_TRUE(verdict.valid) << verdict.why;
      EXPECT_GE(verdict.dag_cost, entry.at("lower_bound").get<double>() * (1 - kSame));
      EXPECT_GE(verdict.tree_cost, entry.at("tree_cost").get<double>() * (1 - kSame));
    }
    EXPECT_NEAR(shared.check(searched->choice).dag_cost, searched->cost, kSame * best);
    // Our own bounds may not contradict what is known.
    EXPECT_LE(searched->lower_bound, best * (1 + kSame));
    if (searched->optimal && optimal) {
      EXPECT_NEAR(searched->cost, best, kSame * best);
    }
    gap += searched->cost / best - 1;
  }
  // 2 % within a second is asked; a twentieth of that time, under sanitizers perhaps, must not be far off.
  EXPECT_LE(gap / static_cast<double>(known.size()), 0.04);
}

// Where no node lists a class twice among its children: costs.json pays for such a class once, README.md for each use.
TEST(SharedEGraphs, TreeCostOfTheCheapestTreeIsTheReference) {
  NNTUNE_NEED_DATA(folder());
  const Json known = costs();
  for (const char* name : {"diospyros__simple_vec_add_root_7", "babble__text_text_ellisk_2019-01-24T21.53.45--bench000_it0",
                           "flexc__7bdc5ff7-82f5-4bd0-a8c6-f3a735e016dc", "tensat__bert"}) {
    SCOPED_TRACE(name);
    const Shared shared(name);
    Greedy greedy(shared.instance);
    const Choice tree = greedy.run(shared.instance.cost, Greedy::Sharing::tree);
    const Verdict verdict = shared.check(tree);
    EXPECT_TRUE(verdict.valid) << verdict.why;
    const double expected = known.at(name).at("tree_cost");
    EXPECT_NEAR(verdict.tree_cost, expected, kSame * expected);
  }
}

TEST(SharedEGraphs, ExactModeProvesKnownOptima) {
  NNTUNE_NEED_DATA(folder());
  const Json known = costs();
  for (const char* name :
       {"set_covering__test", "crafted__multi_root", "dummy_examples__choice", "fuzz__8", "fuzz__10", "fuzz__37",
        "tensat__vgg_acyclic", "eggcc-bril__simple_recursive", "lean-egg__Math_Lie_Basic_9",
        "flexc__7bdc5ff7-82f5-4bd0-a8c6-f3a735e016dc", "babble__text_text_ellisk_2019-01-24T21.53.45--bench000_it0"}) {
    SCOPED_TRACE(name);
    const Shared shared(name);
    ExtractOptions options;
    options.search_time = std::chrono::milliseconds(20);  // so that the integer program has something to do
    options.exact = true;
    options.limit = std::chrono::seconds(60);
    const auto result = extract(shared.instance, options);
    ASSERT_TRUE(result) << result.error().message();
    const double best = known.at(name).at("best_known_dag_cost");
    EXPECT_NEAR(result->cost, best, kSame * best);
    EXPECT_TRUE(result->optimal) << result->lower_bound << " " << result->solver_trouble;
    EXPECT_TRUE(shared.check(result->choice).valid);
  }
}

TEST(SharedEGraphs, TheLimitIsKeptWhateverTheSolverDoes) {
  NNTUNE_NEED_DATA(folder());
  const Json known = costs();
  const Shared shared("babble__logo_logo_batch_50_1h_ellisk_2019-03-23T14.13.04--bench001_it8");
  ExtractOptions options;
  options.search_time = std::chrono::milliseconds(100);
  options.exact = true;
  options.limit = std::chrono::milliseconds(700);
  const Clock::time_point begin = Clock::now();
  const auto result = extract(shared.instance, options);
  EXPECT_LT(seconds_since(begin), 5) << "a busy machine may take a little more than the limit, not this much";
  ASSERT_TRUE(result);
  EXPECT_LE(result->lower_bound, 476);
  EXPECT_GE(result->cost, 476);
}

}  // namespace
}  // namespace nntune::dag
