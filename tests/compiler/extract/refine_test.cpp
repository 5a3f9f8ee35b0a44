#include "compiler/extract/refine.h"

#include <gtest/gtest.h>

namespace nntune::extract {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Option option(double seconds, std::vector<std::uint32_t> operands = {}, std::vector<std::uint32_t> constants = {}) {
  return {.node = 0, .seconds = seconds, .operands = std::move(operands), .constants = std::move(constants)};
}

Constant constant(double price, double bytes) {
  Constant result;
  result.type = {graph::DType::f32, {1, 1}, {}};
  result.price = price;
  result.bytes = bytes;
  return result;
}

/// Two sections with one class each; constant 0 serves both slowly, constants 1 and 2 each one fast.
Problem two_sections() {
  Problem problem;
  problem.classes = {{0, 0, {option(5, {}, {0}), option(1, {}, {1})}}, {1, 1, {option(5, {}, {0}), option(1, {}, {2})}}};
  problem.constants = {constant(0.5, 10), constant(0.5, 10), constant(0.5, 10)};
  problem.sections.resize(2);
  problem.sections[0].roots = problem.sections[0].classes = {0};
  problem.sections[1].roots = problem.sections[1].classes = {1};
  return problem;
}

TEST(Refine, CostsMeanTheSameAsInTheProblem) {
  const Problem problem = two_sections();
  const Solution shared = evaluate(problem, {0, 0});
  EXPECT_DOUBLE_EQ(shared.cost, 10.5);
  const auto refined = refine(problem, shared, {});
  ASSERT_TRUE(refined) << refined.error().message();
  EXPECT_DOUBLE_EQ(refined->best.cost, 3);
  EXPECT_DOUBLE_EQ(refined->best.stored_bytes, 20);
  EXPECT_NEAR(refined->lower_bound, 3, 1e-9);
}

TEST(Refine, StoredWeightsStayWithinTheCapacity) {
  const Problem problem = two_sections();
  for (const int limit_ms : {0, 10'000}) {
    const auto refined =
        refine(problem, evaluate(problem, {1, 1}), {.capacity_bytes = 15, .limit = std::chrono::milliseconds(limit_ms)});
    ASSERT_TRUE(refined) << refined.error().message();
    EXPECT_DOUBLE_EQ(refined->best.stored_bytes, 10);
    EXPECT_DOUBLE_EQ(refined->best.cost, 10.5);
  }
  const auto none = refine(problem, evaluate(problem, {1, 1}), {.capacity_bytes = 5});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::infeasible);
}

TEST(Refine, ATieKeepsTheStart) {
  Problem problem = two_sections();
  problem.classes[0].options = {option(1), option(1 - 1e-12)};
  const Solution start = evaluate(problem, {0, 1});
  EXPECT_EQ(refine(problem, start, {})->best.choice, start.choice);
  EXPECT_LT(start.cost, kInfinity);
}

}  // namespace
}  // namespace nntune::extract
