#include "compiler/extract/solve.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <random>

namespace nntune::extract {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Option option(double seconds, std::vector<std::uint32_t> operands = {}, std::vector<std::uint32_t> constants = {}) {
  return {.node = 0, .seconds = seconds, .operands = std::move(operands), .constants = std::move(constants)};
}

Constant constant(double price, std::vector<std::uint32_t> matrices, std::vector<graph::Lane> lanes = {}) {
  Constant result;
  result.type = {graph::DType::f32, {1, 1}, std::move(lanes)};
  result.bytes = price;
  result.price = price;
  result.matrices = std::move(matrices);
  return result;
}

/// Classes in the order given, operands first; one section a root.
Problem problem(std::vector<std::vector<Option>> classes, std::vector<std::uint32_t> roots,
                std::vector<Constant> constants = {}) {
  Problem result;
  for (std::uint32_t i = 0; i < classes.size(); ++i) {
    result.classes.push_back({i, 0, std::move(classes[i])});
  }
  for (const std::uint32_t root : roots) {
    ProblemSection section;
    section.roots = {root};
    for (std::uint32_t i = 0; i <= root; ++i) {
      section.classes.push_back(i);
    }
    result.sections.push_back(std::move(section));
  }
  result.constants = std::move(constants);
  return result;
}

/// The least cost over all choices.
double optimum(const Problem& p) {
  std::vector<std::int32_t> choice(p.classes.size(), 0);
  double best = kInfinity;
  for (;;) {
    best = std::min(best, evaluate(p, choice).cost);
    std::size_t i = 0;
    while (i < choice.size() && ++choice[i] == static_cast<std::int32_t>(p.classes[i].options.size())) {
      choice[i++] = 0;
    }
    if (i == choice.size()) {
      return best;
    }
  }
}

TEST(Solve, SharedSubtermIsPaidOnce) {
  // 0: shared, 5 s. 1 and 2 read it, or cost 3 on their own. 3 reads both.
  const Problem p =
      problem({{option(5)}, {option(3), option(0.1, {0})}, {option(3), option(0.1, {0})}, {option(1, {1, 2})}}, {3});
  const auto result = solve(p);
  ASSERT_TRUE(result.has_value());
  EXPECT_DOUBLE_EQ(result->best.cost, 6.2);  // 1 + 2 * 0.1 + 5, not 1 + 3 + 3
}

TEST(Solve, NearTieTakesTheEarlierOption) {
  const Problem p = problem({{option(1.0), option(1.0 - 1e-12)}}, {0});
  EXPECT_EQ(solve(p)->best.choice[0], 0);
}

TEST(Solve, ACycleIsNeverChosen) {
  Problem p = problem({{option(10), option(1, {1})}, {option(12), option(1, {0})}}, {1});
  EXPECT_DOUBLE_EQ(solve(p)->best.cost, 11);
  p.classes[0].options = {option(1, {1})};
  EXPECT_DOUBLE_EQ(solve(p)->best.cost, 12);
  p.classes[1].options = {option(1, {0})};
  ASSERT_FALSE(solve(p).has_value());
  EXPECT_EQ(solve(p).error().kind, ErrorKind::infeasible);
}

TEST(Solve, PhasesAgreeOnOneLayoutUnlessTwoPay) {
  // Two sections; constants 0 and 1 are forms of the same matrix; each section likes another one.
  const auto two = [](double price) {
    Problem p = problem({{option(1, {}, {0}), option(2, {}, {1})}, {option(5, {}, {0}), option(1, {}, {1})}}, {0, 1},
                        {constant(price, {7}, {{0, 16}}), constant(price, {7}, {{0, 32}})});
    p.sections[1].classes = {1};
    return p;
  };
  const auto once = solve(two(10));
  EXPECT_DOUBLE_EQ(once->best.seconds, 3);  // both take constant 1
  EXPECT_DOUBLE_EQ(once->best.stored_bytes, 10);
  const auto twice = solve(two(0.5));
  EXPECT_DOUBLE_EQ(twice->best.seconds, 2);  // each its own
  EXPECT_DOUBLE_EQ(twice->best.stored_bytes, 1);
}

Constant weight(double price, double bytes) {
  Constant result = constant(price, {});
  result.bytes = bytes;
  return result;
}

/// Two sections with one class each; constant 0 serves both slowly, constants 1 and 2 each one fast.
Problem two_sections() {
  Problem result = problem({{option(5, {}, {0}), option(1, {}, {1})}, {option(5, {}, {0}), option(1, {}, {2})}}, {0, 1},
                           {weight(0.5, 10), weight(0.5, 10), weight(0.5, 10)});
  result.sections[1].classes = {1};
  return result;
}

TEST(Solve, CostIsSecondsAndThePriceOfWhatIsStored) {
  const Problem p = two_sections();
  EXPECT_DOUBLE_EQ(evaluate(p, {0, 0}).cost, 10.5);  // constant 0 once
  const auto result = solve(p);
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_DOUBLE_EQ(result->best.cost, 3);
  EXPECT_DOUBLE_EQ(result->best.stored_bytes, 20);
  EXPECT_NEAR(result->lower_bound, 3, 1e-9);
}

TEST(Solve, StoredWeightsStayWithinTheCapacity) {
  const Problem p = two_sections();
  for (const int limit_ms : {0, 10'000}) {
    const auto result = solve(p, {.capacity_bytes = 15, .proof_limit = std::chrono::milliseconds(limit_ms)});
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_DOUBLE_EQ(result->best.stored_bytes, 10);
    EXPECT_DOUBLE_EQ(result->best.cost, 10.5);
  }
  EXPECT_DOUBLE_EQ(*least_stored_bytes(p), 10);
  const auto none = solve(p, {.capacity_bytes = 5});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::infeasible);
}

// Matrices 1 and 2 lie apart (constants 0, 1) or as one (2). To read them as one pays for both sections together, for one of them it
// does not; and what reads it is another class than what reads the parts.
TEST(Solve, MatricesAreStoredAsOneWhereThatPaysForAllPhasesTogether) {
  // `first`: the product with both; the next two: products with the parts, or views of that; the last reads these two.
  const auto phase = [](std::uint32_t first) {
    return std::vector<std::vector<Option>>{{option(3, {}, {2})},
                                            {option(2, {}, {0}), option(0, {first})},
                                            {option(2, {}, {1}), option(0, {first})},
                                            {option(1, {first + 1, first + 2})}};
  };
  auto classes = phase(0);
  for (auto& each : phase(4)) classes.push_back(std::move(each));
  const Problem p = problem(std::move(classes), {3, 7}, {constant(1.5, {1}), constant(1.5, {2}), constant(3, {1, 2})});
  const auto result = solve(p);
  ASSERT_TRUE(result);
  EXPECT_DOUBLE_EQ(result->best.cost, 3 + 2 * (3 + 1));  // apart: 3 + 2 * (2 + 2 + 1)
}

/// Makes class `at` of `p` a state in one layout.
void make_state(Problem& p, std::uint32_t at, std::uint32_t state, std::uint32_t layout) {
  p.classes[at].state = state;
  p.classes[at].layout = layout;
}

ProblemState state(std::size_t number) {
  graph::TensorType plain{graph::DType::f32, {1, graph::kRunTime, 16}, {}};
  graph::TensorType packed = plain;
  packed.lanes = {{1, 16}};
  return {number, {plain, packed}};
}

/// Two sections that each read state 0 in one of its layouts (classes 0 and 1, and 3 and 4), for these seconds.
Problem two_readers(double plain_a, double packed_a, double plain_b, double packed_b) {
  Problem p = problem({{option(0)},
                       {option(0)},
                       {option(plain_a, {0}), option(packed_a, {1})},
                       {option(0)},
                       {option(0)},
                       {option(plain_b, {3}), option(packed_b, {4})}},
                      {2, 5});
  p.sections[1].classes = {3, 4, 5};
  p.states = {state(0)};
  for (const std::uint32_t first : {0U, 3U}) {
    make_state(p, first, 0, 0);
    make_state(p, first + 1, 0, 1);
  }
  return p;
}

TEST(Solve, AStateLiesInTheLayoutThatServesAllSectionsTogether) {
  const auto packed = solve(two_readers(1, 2, 9, 3));
  ASSERT_TRUE(packed);
  EXPECT_DOUBLE_EQ(packed->best.cost, 5);
  EXPECT_EQ(packed->best.states, StateLayouts{1});
  ASSERT_EQ(packed->other_states.size(), 1U);
  EXPECT_DOUBLE_EQ(packed->other_states[0].cost, 10);
  EXPECT_DOUBLE_EQ(packed->lower_bound, 4);  // of sections that need not agree
  const auto plain = solve(two_readers(1, 2, 3, 9));
  ASSERT_TRUE(plain);
  EXPECT_DOUBLE_EQ(plain->best.cost, 4);
  EXPECT_EQ(plain->best.states, StateLayouts{0});
  EXPECT_DOUBLE_EQ(plain->other_states.at(0).cost, 11);
}

TEST(Solve, AChoiceThatTakesAStateInTwoLayoutsIsNoProgram) {
  const Problem p = two_readers(1, 2, 9, 3);
  EXPECT_EQ(evaluate(p, {0, 0, 0, 0, 0, 1}).cost, kInfinity);
  EXPECT_DOUBLE_EQ(evaluate(p, {0, 0, 0, 0, 0, 0}).cost, 10);
}

TEST(Solve, ALayoutThatOneSectionCannotReadIsNoChoice) {
  Problem p = two_readers(1, 2, 9, 3);
  p.classes[5].options.pop_back();
  const auto none = solve(p);
  ASSERT_TRUE(none);
  EXPECT_DOUBLE_EQ(none->best.cost, 10);
  EXPECT_TRUE(none->other_states.empty());
  p.classes[5].options = {option(1, {4})};
  p.classes[2].options.pop_back();
  EXPECT_EQ(solve(p).error().kind, ErrorKind::infeasible);
}

/// Random problems of three options a class, with shared classes and shared constants; classes 0 to 3 are two states in two
/// layouts each if `states`.
Problem random_problem(std::mt19937& rng, bool states) {
  const auto real = [&rng](double low, double high) {
    return low + (high - low) * static_cast<double>(rng() % 1000) / 1000;
  };
  std::vector<Constant> constants;
  for (std::uint32_t i = 0; i < 6; ++i) {
    constants.push_back(constant(real(0, 4), {i / 2}, {{0, static_cast<int>(16 + 16 * (i % 2))}}));
  }
  std::vector<std::vector<Option>> classes(states ? 4 : 0, {option(0)});
  const auto first = static_cast<std::uint32_t>(classes.size());
  for (std::uint32_t i = first; i < first + 9; ++i) {
    std::vector<Option> options;
    for (int n = 0; n < 3; ++n) {
      Option made = option(real(0, 3));
      for (int k = 0; k < 2 && i > 0; ++k) {
        made.operands.push_back(rng() % i);
      }
      if (rng() % 2 == 0) {
        made.constants.push_back(rng() % 6);
      }
      options.push_back(std::move(made));
    }
    classes.push_back(std::move(options));
  }
  Problem p = problem(std::move(classes), {first + 8}, std::move(constants));
  if (states) {
    p.states = {state(0), state(1)};
    for (std::uint32_t i = 0; i < 4; ++i) make_state(p, i, i / 2, i % 2);
  }
  return p;
}

// Against exhaustive search.
TEST(Solve, IsOptimalOnMostSmallProblemsAndNeverFarOff) {
  for (const bool states : {false, true}) {
    std::mt19937 rng(11);
    int optimal = 0;
    double worst = 1;
    constexpr int kProblems = 200;
    for (int round = 0; round < kProblems; ++round) {
      const Problem p = random_problem(rng, states);
      const double best = optimum(p);
      const auto result = solve(p);
      ASSERT_EQ(result.has_value(), best < kInfinity);
      if (!result) continue;
      EXPECT_DOUBLE_EQ(result->best.cost, evaluate(p, result->best.choice).cost);
      EXPECT_GE(result->best.cost, best - 1e-9);
      EXPECT_LE(result->lower_bound, best + 1e-9);
      optimal += result->best.cost <= best + 1e-9 ? 1 : 0;
      worst = std::max(worst, result->best.cost / best);
    }
    EXPECT_GE(optimal, kProblems * 98 / 100) << states;
    EXPECT_LE(worst, 1.05) << states;
    RecordProperty(states ? "optimal_with_states" : "optimal", optimal);
    RecordProperty(states ? "worst_with_states" : "worst", std::to_string(worst));
  }
}

}  // namespace
}  // namespace nntune::extract
