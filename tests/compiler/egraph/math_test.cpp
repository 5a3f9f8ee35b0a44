// One law a line: start, goal. Saturation with the laws of math_language.h must prove them equal.
#include <gtest/gtest.h>

#include <ostream>

#include "compiler/egraph/smallest_term.h"
#include "tests/compiler/egraph/math_language.h"

namespace nntune::egraph {
namespace {

struct Goal {
  const char* name;
  const char* start;
  const char* goal;
};

void PrintTo(const Goal& goal, std::ostream* out) { *out << goal.start << " = " << goal.goal; }

class Math : public testing::TestWithParam<Goal> {};

TEST_P(Math, IsProved) {
  math::ConstantFold constants;
  EGraph graph(constants);
  const auto rules = math::rules(graph.symbols(), constants);
  math::add(graph, GetParam().start);
  math::add(graph, GetParam().goal);
  const RunReport report = run(graph, rules, {.nodes = 20'000, .iterations = 15});
  EXPECT_TRUE(math::equal(graph, GetParam().start, GetParam().goal)) << report.text();
  EXPECT_EQ(graph.check_invariants(), "");
}

INSTANTIATE_TEST_SUITE_P(Laws, Math,
                         testing::Values(Goal{"AddsConstants", "(+ 1 (* 2 3))", "7"},                        //
                                         Goal{"RegroupsSums", "(+ 1 (+ 2 (+ 3 (+ 4 5))))", "15"},            //
                                         Goal{"DropsZero", "(+ x 0)", "x"},                                  //
                                         Goal{"CancelsASum", "(- (+ x y) (+ x y))", "0"},                    //
                                         Goal{"CancelsDivision", "(/ (* 2 x) (* 2 x))", "1"},                //
                                         Goal{"CancelsAcrossTerms", "(+ a (- b a))", "b"},                   //
                                         Goal{"Factors", "(+ x (+ x (+ x x)))", "(* 4 x)"},                  //
                                         Goal{"FoldsPowers", "(* (pow 2 x) (pow 2 y))", "(pow 2 (+ x y))"},  //
                                         Goal{"DifferentiatesLinear", "(d x (+ 1 (* 2 x)))", "2"},           //
                                         Goal{"ExpandsASquare", "(pow (+ a b) 2)", "(+ (* a a) (+ (* 2 (* a b)) (* b b)))"}),
                         [](const auto& goal) { return goal.param.name; });

TEST(MathSoundness, NothingFalseIsProved) {
  math::ConstantFold constants;
  EGraph graph(constants);
  const auto rules = math::rules(graph.symbols(), constants);
  math::add(graph, "(/ 0 0)");
  math::add(graph, "(+ x y)");
  math::add(graph, "(- x y)");
  math::add(graph, "1");
  run(graph, rules, {.nodes = 5'000, .iterations = 8});
  EXPECT_FALSE(math::equal(graph, "(/ 0 0)", "1"));
  EXPECT_FALSE(math::equal(graph, "(+ x y)", "(- x y)"));
}

}  // namespace
}  // namespace nntune::egraph
