// Proofs are replayed step by step, by a checker that knows the rules as text and no e-graph.
#include "compiler/egraph/proof.h"

#include <gtest/gtest.h>

#include <map>

#include "base/json.h"
#include "compiler/egraph/runner.h"
#include "tests/compiler/egraph/egg_languages.h"
#include "tests/compiler/egraph/egg_reference.h"

namespace nntune::egraph {
namespace {

using Bindings = std::map<std::string, Sexpr>;

bool matches(const Sexpr& pattern, const Sexpr& term, Bindings& bound) {
  if (pattern.head.starts_with('?')) return bound.emplace(pattern.head, term).first->second == term;
  if (pattern.head != term.head || pattern.operands.size() != term.operands.size()) return false;
  for (std::size_t i = 0; i < pattern.operands.size(); ++i) {
    if (!matches(pattern.operands[i], term.operands[i], bound)) return false;
  }
  return true;
}

/// "(op constants)" has the value `value`.
bool folds_to(const Sexpr& operation, const Sexpr& value) {
  const auto truth = [](const Sexpr& leaf) { return leaf.head == "true"; };
  const auto number = [](const Sexpr& leaf) {
    char* end = nullptr;
    const double result = std::strtod(leaf.head.c_str(), &end);
    return *end == '\0' ? result : std::numeric_limits<double>::quiet_NaN();
  };
  if (operation.operands.empty() || operation.operands.size() > 2) return false;
  const Sexpr& a = operation.operands.front();
  const Sexpr& b = operation.operands.back();
  if (!a.operands.empty() || !b.operands.empty() || !value.operands.empty()) return false;
  const std::string& op = operation.head;
  if (value.head == "true" || value.head == "false") {
    if (op == "&") return truth(value) == (truth(a) && truth(b));
    if (op == "|") return truth(value) == (truth(a) || truth(b));
    if (op == "->") return truth(value) == (!truth(a) || truth(b));
    if (op == "~") return truth(value) == !truth(a);
    if (op == "=") return truth(value) == (a == b);
  }
  if (op == "+") return number(value) == number(a) + number(b);
  if (op == "-") return number(value) == number(a) - number(b);
  if (op == "*") return number(value) == number(a) * number(b);
  if (op == "/") return number(value) == number(a) / number(b);
  return false;
}

class Checker {
 public:
  Checker(const Json& rules, Json given) : given_(std::move(given)) {
    for (const Json& rule : rules) {
      const std::string name = rule["name"];
      if (name == "lem_imply") {
        sides_[name] = {{term("true"), term("(| ?b ?c)")}};  // what is true by its other premise
      } else if (rule["right"].is_null()) {
        for (const Json& right : rule["right_if"]) sides_[name].emplace_back(term(rule["left"]), term(right["right"]));
      } else {
        sides_[name].emplace_back(term(rule["left"]), term(rule["right"]));
      }
    }
  }

  /// "" or the first step that does not follow.
  [[nodiscard]] std::string check(const Proof& proof) const {
    const Sexpr* before = &proof.start;
    for (const ProofStep& step : proof.steps) {
      const Sexpr* from = before;
      const Sexpr* to = &step.term;
      for (const std::size_t i : step.at) {
        if (i >= from->operands.size() || i >= to->operands.size()) return "no such place: " + step.term.text();
        Sexpr patched = *from;
        patched.operands[i] = to->operands[i];
        if (!(patched == *to)) return "changed elsewhere: " + step.term.text();
        from = &from->operands[i];
        to = &to->operands[i];
      }
      if (!follows(step.rule, step.forward ? *from : *to, step.forward ? *to : *from)) {
        return fmt::format("{} does not make {} from {}", step.rule, to->text(), from->text());
      }
      before = &step.term;
    }
    return {};
  }

 private:
  static Sexpr term(const std::string& text) { return *parse_sexpr(text); }

  [[nodiscard]] bool follows(const std::string& rule, const Sexpr& left, const Sexpr& right) const {
    if (rule == "given") return left.text() == given_[0] && right.text() == given_[1];
    if (rule == egg::kFolding) return folds_to(left, right);
    const auto sides = sides_.find(rule);
    return sides != sides_.end() && std::ranges::any_of(sides->second, [&](const auto& side) {
             Bindings bound;
             return matches(side.first, left, bound) && matches(side.second, right, bound);
           });
  }

  std::map<std::string, std::vector<std::pair<Sexpr, Sexpr>>> sides_;
  Json given_;
};

std::vector<std::size_t> provable() {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; reference().is_object() && i < reference()["cases"].size(); ++i) {
    const Json& item = reference()["cases"][i];
    if (item.value("provable", false) && !item["goals"].empty()) result.push_back(i);
  }
  return result.empty() ? std::vector<std::size_t>{0} : result;
}

class EggProofs : public testing::TestWithParam<std::size_t> {};

TEST_P(EggProofs, CanBeReplayed) {
  NNTUNE_NEED_DATA(reference_file());
  const Json& item = reference()["cases"][GetParam()];
  const std::string suite = item["suite"];
  const auto language = egg::make_language(suite);
  const auto held = item["analysis"] ? std::make_unique<EGraph>(*language->analysis()) : std::make_unique<EGraph>();
  EGraph& graph = *held;
  graph.enable_proofs();
  std::optional<std::set<std::string>> names;
  if (!item["rules"].is_null()) names = item["rules"].get<std::set<std::string>>();
  const auto rules = egg::rules(reference()["rules"][suite], names, *language, graph.symbols());
  for (const Json& term : item["also_added"]) egg::add(graph, term.get<std::string>());
  const std::string start_text = item["start"];
  const ClassId start = egg::add(graph, start_text);
  Json given = Json::array({"", ""});
  if (!item["assumed_equal"].is_null()) {
    given = Json::array({parse_sexpr(start_text)->text(), parse_sexpr(item["assumed_equal"].get<std::string>())->text()});
    graph.merge(start, egg::add(graph, item["assumed_equal"].get<std::string>()));
  }
  std::vector<Pattern> goals;
  for (const Json& goal : item["goals"]) goals.push_back(*Pattern::parse(goal.get<std::string>(), graph.symbols()));
  const auto in_start = [&](const EGraph& now, const Matches& found) {
    return std::ranges::find(found.roots, now.find(start)) - found.roots.begin();
  };
  const auto reached = [&](const EGraph& now) {
    return std::ranges::all_of(goals, [&](const Pattern& goal) {
      const Matches found = goal.search(now);
      return static_cast<std::size_t>(in_start(now, found)) < found.size();
    });
  };
  RunLimits limits{.nodes = 1'000'000, .iterations = 60, .time = std::chrono::minutes(5), .reached = reached};
  const std::string scheduler = item["own"].is_null() ? "backoff" : item["own"]["scheduler"].get<std::string>();
  if (scheduler == "simple") limits.backoff.reset();
  const RunReport report = run(graph, rules, limits);
  ASSERT_EQ(report.stop.kind, StopReason::Kind::goal) << report.stop.text();
  ASSERT_EQ(graph.check_invariants(), "");

  const Checker checker(reference()["rules"][suite], given);
  for (const Pattern& goal : goals) {
    graph.rebuild();
    const Matches found = goal.search(graph);
    const auto i = static_cast<std::size_t>(in_start(graph, found));
    const ClassId end = goal.instantiate(graph, found.roots[i], found.classes_of(i), found.nodes_of(i));
    const auto proof = explain(graph, start, end);
    ASSERT_TRUE(proof.has_value()) << proof.error().message();
    EXPECT_EQ(proof->start.text(), parse_sexpr(start_text)->text());
    Bindings bound;
    const Sexpr& last = proof->steps.empty() ? proof->start : proof->steps.back().term;
    EXPECT_TRUE(matches(*parse_sexpr(goal.text()), last, bound)) << proof->text();
    EXPECT_EQ(checker.check(*proof), "") << proof->text().substr(0, 4000);
    if (proof->steps.empty()) continue;
    // Wrong proofs are told.
    Proof wrong = *proof;
    wrong.steps.back().term.head += "x";
    EXPECT_NE(checker.check(wrong), "");
    wrong = *proof;
    wrong.steps.front().rule = "no such rule";
    EXPECT_NE(checker.check(wrong), "");
  }
}

INSTANTIATE_TEST_SUITE_P(All, EggProofs, testing::ValuesIn(provable()), [](const testing::TestParamInfo<std::size_t>& i) {
  return reference().is_object() ? reference()["cases"][i.param]["name"].get<std::string>() : std::string("missing");
});

TEST(Proof, IsAChainOfRulesAndPlaces) {
  EGraph graph;
  graph.enable_proofs();
  const std::vector<Rewrite> rules = {*rewrite("commute", "(+ ?a ?b)", "(+ ?b ?a)", graph.symbols()),
                                      *rewrite("drop", "(+ ?a 0)", "?a", graph.symbols())};
  const ClassId from = egg::add(graph, "(f (+ 0 x))");
  const ClassId to = egg::add(graph, "(f x)");
  run(graph, rules);
  EXPECT_EQ(explain(graph, from, to)->text(),
            "(f (+ 0 x))\n"
            "= (f (+ x 0))    by commute at 0\n"
            "= (f x)    by drop at 0\n");
  EXPECT_EQ(explain(graph, to, from)->text(),
            "(f x)\n"
            "= (f (+ x 0))    by drop backwards at 0\n"
            "= (f (+ 0 x))    by commute backwards at 0\n");
  EXPECT_EQ(explain(graph, from, from)->steps.size(), 0U);
}

TEST(Proof, OfCongruenceGoesThroughTheOperands) {
  EGraph graph;
  graph.enable_proofs();
  const ClassId left = egg::add(graph, "(g (f a) (f b))");
  const ClassId right = egg::add(graph, "(g (f b) (f c))");
  graph.merge(graph.add("a"), graph.add("b"), "a is b");
  graph.merge(graph.add("b"), graph.add("c"), "b is c");
  graph.rebuild();
  EXPECT_EQ(explain(graph, left, right)->text(),
            "(g (f a) (f b))\n"
            "= (g (f b) (f b))    by a is b at 0.0\n"
            "= (g (f b) (f c))    by b is c at 1.0\n");
}

TEST(Proof, NamesARuleWhoseRightSideIsComputed) {
  EGraph graph;
  graph.enable_proofs();
  std::vector<Rewrite> rules;
  rules.push_back(*rewrite(
      "count", "(count:n ?x ..)",
      [](EGraph& g, const Match& match) -> std::optional<ClassId> {
        const int value = std::stoi(std::string(g.text(match.node("n")).substr(6)));
        return value < 2 ? std::optional(g.add(fmt::format("count{{{}}}", value + 1), {match["x"], g.add("y")}))
                         : std::nullopt;
      },
      graph.symbols()));
  const ClassId from = egg::add(graph, "(count{0} x y)");
  run(graph, rules);
  EXPECT_EQ(explain(graph, from, egg::add(graph, "(count{2} x y)"))->text(),
            "(count{0} x y)\n"
            "= (count{1} x y)    by count\n"
            "= (count{2} x y)    by count\n");
}

TEST(Proof, IsRefusedWithAReason) {
  EGraph without;
  const ClassId a = without.add("a");
  EXPECT_EQ(explain(without, a, a).error().message(),
            "the e-graph keeps no proofs; call enable_proofs() before adding terms");
  EGraph graph;
  graph.enable_proofs();
  const ClassId x = graph.add("x"), y = graph.add("y");
  EXPECT_EQ(explain(graph, x, y).error().kind, ErrorKind::bad_input);
  graph.merge(x, y);
  EXPECT_EQ(explain(graph, x, y, 0).error().kind, ErrorKind::unsupported);
  EXPECT_EQ(explain(graph, x, y)->steps[0].rule, "given");
}

// The e-graph itself is the same with proofs as without.
TEST(Proof, DoesNotChangeTheGraph) {
  std::vector<std::string> traces;
  for (const bool proofs : {false, true}) {
    EGraph graph;
    if (proofs) graph.enable_proofs();
    const std::vector<Rewrite> rules = {*rewrite("commute", "(+ ?a ?b)", "(+ ?b ?a)", graph.symbols()),
                                        *rewrite("associate", "(+ ?a (+ ?b ?c))", "(+ (+ ?a ?b) ?c)", graph.symbols())};
    egg::add(graph, "(+ a (+ b (+ c (+ d (+ e f)))))");
    const RunReport report = run(graph, rules, {.backoff = std::nullopt});
    std::string trace = report.stop.text();
    for (const IterationStats& stats : report.iterations) {
      trace += fmt::format(", {} {} {}", stats.nodes, stats.classes, fmt::join(stats.matches, " "));
    }
    traces.push_back(trace);
  }
  EXPECT_EQ(traces[0], traces[1]);
  EXPECT_TRUE(traces[0].starts_with("saturated"));
}

}  // namespace
}  // namespace nntune::egraph
