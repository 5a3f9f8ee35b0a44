// Random rules at random places of random programs: whatever they make equal must have equal values by the reference evaluator.
//
// Each seed is a program, a choice of rules and places, and the ISA they are for. Even seeds round as the types say and leave out
// the rules that round (Rule::rounds); odd seeds take all rules and round nothing, so that both demand equality up to the errors
// of double. A failure names the rule after which two unequal values were first joined. More of it:
//   NNTUNE_FUZZ_SEEDS=5000  that many seeds          NNTUNE_FUZZ_SEED=42  this seed alone
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "compiler/egraph/runner.h"
#include "compiler/graph/text.h"
#include "compiler/rules/registry.h"
#include "tests/compiler/rules/class_values.h"
#include "tests/compiler/rules/random_graph.h"

namespace nntune::rules {
namespace {

using testing_models::ClassValues;

constexpr std::uint64_t kSeeds = 1200;
constexpr double kTolerance = 1e-6;  // norms of norms of sums that nearly cancel magnify 1e-16
constexpr std::size_t kMostNodes = 1500;
constexpr int kRounds = 3;
constexpr int kTermsEach = 40;

Isa random_isa(std::mt19937_64& random) {
  Isa isa;
  isa.avx2 = isa.fma = isa.f16c = true;
  const auto level = random() % 4;
  if (level >= 1) isa.avx512f = isa.avx512bw = isa.avx512vl = isa.avx512dq = true;
  if (level >= 2) isa.avx512bf16 = isa.avx512vnni = true;
  if (level >= 3) isa.amx_tile = isa.amx_bf16 = isa.amx_int8 = true;
  return isa;
}

std::vector<std::string> weight_names(const graph::Graph& graph) {
  std::vector<std::string> names;
  for (const graph::Node& node : graph.nodes()) {
    if (node.op.kind() == graph::OpKind::weight) names.push_back(node.op.leaf_name());
  }
  return names;
}

/// One seed: the same program and the same choices whenever it is made.
class Session {
 public:
  /// `extra` joins the rules of the families.
  explicit Session(std::uint64_t seed, std::span<const Rule> extra = {})
      : seed_(seed),
        random_(seed),
        rounds_(seed % 2 == 0),
        source_(testing_models::RandomGraph(seed).make(5 + static_cast<int>(seed % 7))),
        language_(weight_names(source_)),
        graph_(language_) {
    options_.isa = random_isa(random_);
    options_.allow_weight_rounding = options_.allow_quantised_activations = !rounds_;
    options_.allow_reassociation = options_.packs_travel_to_products = true;
    options_.threads = 3;
    outputs_ = language_.add(graph_, source_, "fuzz").value();
    for (const Family& family : families()) take(family.rules);
    take(extra);
    graph_.rebuild();
  }

  /// Applies the rules; `after(name)` says whether to go on.
  void run(const std::function<bool(const std::string& rule)>& after) {
    const std::uint64_t percent = 30 + random_() % 71;  // of places
    for (egraph::Rewrite& rule : rules_) {
      rule.condition = [this, percent, when = std::move(rule.condition)](const egraph::EGraph& graph,
                                                                         const egraph::Match& m) {
        return random_() % 100 < percent && (!when || when(graph, m));
      };
    }
    const std::uint64_t share = 20 + random_() % 81;  // of rules in a round
    for (int round = 0; round < kRounds; ++round) {
      std::vector<std::size_t> order;
      for (std::size_t i = 0; i < rules_.size(); ++i) {
        if (random_() % 100 < share) order.push_back(i);
      }
      for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_() % i]);
      for (const std::size_t i : order) {
        const auto report =
            egraph::run(graph_, {&rules_[i], 1}, {.nodes = kMostNodes, .iterations = 1, .backoff = std::nullopt});
        if (report.rules[0].applied == 0) continue;
        fired_.insert(rules_[i].name);
        if (!after(rules_[i].name)) return;
      }
    }
  }

  /// What is wrong with the graph now, "" if nothing.
  std::string trouble() {
    if (!language_.trouble().empty()) return language_.trouble();
    if (const std::string broken = graph_.check_invariants(); !broken.empty()) return broken;
    const auto wrong = ClassValues(graph_, language_, 3, rounds_).mismatches(kTolerance);
    return wrong.empty() ? "" : fmt::format("{}\n  they differ by {}", wrong[0].text, wrong[0].difference);
  }

  /// Random whole programs for the source's nodes against the nodes as they were.
  std::string trouble_of_random_terms() {
    ClassValues values(graph_, language_, 3, rounds_);
    for (int i = 0; i < kTermsEach; ++i) {
      const egraph::ClassId id = outputs_[random_() % outputs_.size()];
      const double off = ClassValues::difference(values.value_of_random_term(id, 4, random_), values.value(id));
      if (!(off <= kTolerance)) return fmt::format("a random term of class {} is off by {}", id, off);
    }
    return "";
  }

  [[nodiscard]] const std::set<std::string>& fired() const { return fired_; }
  [[nodiscard]] std::string text() const {
    return fmt::format("seed {} ({}rounded):\n{}", seed_, rounds_ ? "" : "not ", source_.text());
  }

 private:
  void take(std::span<const Rule> family) {
    std::vector<Rule> chosen;
    for (const Rule& rule : family) {
      if (!rounds_ || !rule.rounds) chosen.push_back(rule);
    }
    std::vector<egraph::Rewrite> compiled = compile(chosen, graph_.symbols(), language_, options_).value();
    std::move(compiled.begin(), compiled.end(), std::back_inserter(rules_));
  }

  std::uint64_t seed_;
  std::mt19937_64 random_;
  bool rounds_;
  graph::Graph source_;
  Language language_;
  egraph::EGraph graph_;
  RuleOptions options_;
  std::vector<egraph::ClassId> outputs_;
  std::vector<egraph::Rewrite> rules_;
  std::set<std::string> fired_;
};

/// "" or what this seed found, with the rule that did it. Adds the rules that fired to `fired`.
std::string failure_of(std::uint64_t seed, std::set<std::string>& fired, std::span<const Rule> extra = {}) {
  Session session(seed, extra);
  if (const std::string before = session.trouble(); !before.empty()) return session.text() + "before any rule: " + before;
  session.run([](const std::string&) { return true; });
  fired.insert(session.fired().begin(), session.fired().end());
  if (session.trouble().empty()) {
    const std::string terms = session.trouble_of_random_terms();
    return terms.empty() ? "" : session.text() + terms;
  }
  Session again(seed, extra);
  std::string found;
  again.run([&](const std::string& rule) {
    const std::string trouble = again.trouble();
    if (!trouble.empty()) found = fmt::format("{}rule {} made equal:\n  {}", again.text(), rule, trouble);
    return trouble.empty();
  });
  return found.empty() ? session.text() + "went wrong once and not again" : found;
}

std::optional<std::uint64_t> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  return static_cast<std::uint64_t>(graph::parse_integer(text, variable).value());
}

TEST(RulesFuzz, RandomRulesKeepEveryValueOfRandomPrograms) {
  std::set<std::string> fired;
  if (const auto seed = number_in("NNTUNE_FUZZ_SEED")) {
    EXPECT_EQ(failure_of(*seed, fired), "");
    return;
  }
  const std::uint64_t seeds = number_in("NNTUNE_FUZZ_SEEDS").value_or(kSeeds);
  int failures = 0;
  for (std::uint64_t seed = 1; seed <= seeds && failures < 5; ++seed) {
    const std::string failure = failure_of(seed, fired);
    EXPECT_EQ(failure, "") << "repeat with NNTUNE_FUZZ_SEED=" << seed;
    failures += failure.empty() ? 0 : 1;
  }
  if (seeds < kSeeds || failures > 0) return;
  std::string idle;
  for (const Family& family : families()) {
    for (const Rule& rule : family.rules) idle += fired.count(rule.name) == 0 ? fmt::format(" {}", rule.name) : "";
  }
  EXPECT_EQ(idle, "") << "rules for which random_graph.cpp makes no place";
}

TEST(RulesFuzz, FindsAWrongRuleAndNamesIt) {
  // Right but for the order of the operands: the kind of error that only values show.
  const Rule wrong{.name = "wrong", .left = "(rowwise{swiglu} ?a ?b)", .right = "(rowwise{swiglu} ?b ?a)"};
  std::set<std::string> fired;
  std::string found;
  for (std::uint64_t seed = 1; seed <= kSeeds && found.empty(); ++seed) found = failure_of(seed, fired, {&wrong, 1});
  EXPECT_NE(found.find("rule wrong made equal"), std::string::npos) << found;
}

}  // namespace
}  // namespace nntune::rules
