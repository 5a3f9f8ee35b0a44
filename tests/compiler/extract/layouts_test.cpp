#include "compiler/extract/layouts.h"

#include <gtest/gtest.h>

namespace nntune::extract {
namespace {

/// Two sections of one class each; option i of a class reads constant i, a form of the same matrix.
Problem two_sections(const std::vector<double>& first, const std::vector<double>& second, double price) {
  Problem problem;
  for (const auto& seconds : {first, second}) {
    ProblemClass item;
    item.section = static_cast<std::uint32_t>(problem.sections.size());
    for (std::uint32_t i = 0; i < seconds.size(); ++i) {
      item.options.push_back({.node = i, .seconds = seconds[i], .operands = {}, .constants = {i}});
    }
    ProblemSection section;
    section.roots = section.classes = {static_cast<std::uint32_t>(problem.classes.size())};
    problem.classes.push_back(std::move(item));
    problem.sections.push_back(std::move(section));
  }
  for (std::size_t i = 0; i < first.size(); ++i) {
    Constant constant;
    constant.price = price;
    constant.matrices = {7};
    problem.constants.push_back(std::move(constant));
  }
  return problem;
}

TEST(Layouts, FindsTheFormThatSavesMost) {
  const Problem problem = two_sections({1, 2, 3}, {9, 6, 5}, 10);
  const auto choices = layout_choices(problem, evaluate(problem, {0, 0}));
  ASSERT_EQ(choices.size(), 1U);
  EXPECT_EQ(choices[0].stored, 0U);
  ASSERT_TRUE(choices[0].second);
  EXPECT_EQ(choices[0].second->constant, 2U);
  EXPECT_DOUBLE_EQ(choices[0].second->saved_seconds, 4);  // 9 becomes 5, 1 stays
  // Instead of it, in both sections: 2 + 6 and 3 + 5 are equal, the first form wins.
  EXPECT_EQ(choices[0].runner_up, 1U);
  EXPECT_DOUBLE_EQ(choices[0].solution.seconds, 8);
}

TEST(Layouts, NothingWhereNoOtherFormIsFaster) {
  const Problem problem = two_sections({1, 2}, {5, 6}, 10);
  EXPECT_FALSE(layout_choices(problem, evaluate(problem, {0, 0})).at(0).second);
}

TEST(Layouts, FormsOfOtherMatricesAreNotMeant) {
  Problem problem = two_sections({1, 2}, {9, 5}, 10);
  problem.constants[1].matrices = {8};
  const auto choices = layout_choices(problem, evaluate(problem, {0, 0}));
  EXPECT_FALSE(choices.at(0).second);
  EXPECT_EQ(choices.at(0).runner_up, LayoutChoice::kNone);
}

}  // namespace
}  // namespace nntune::extract
