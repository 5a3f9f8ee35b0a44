#include "compiler/runtime/rope_table.h"

#include <gtest/gtest.h>

#include <cmath>

namespace nntune::runtime {
namespace {

TEST(RopeTable, RotatesByPositionTimesFrequency) {
  std::vector<float> table(std::size_t{5000} * 4);
  fill_rope_table({.frequencies = {1, 0.25}}, table);
  EXPECT_EQ(std::vector<float>(table.begin(), table.begin() + 4), (std::vector<float>{1, 1, 0, 0}));
  EXPECT_FLOAT_EQ(table[2 * 4 + 0], std::cos(2.0F));
  EXPECT_FLOAT_EQ(table[2 * 4 + 1], std::cos(0.5F));
  EXPECT_FLOAT_EQ(table[2 * 4 + 2], std::sin(2.0F));
  EXPECT_FLOAT_EQ(table[2 * 4 + 3], std::sin(0.5F));
  // A float angle would be off by 2e-4 here.
  EXPECT_NEAR(table[4999 * 4 + 3], std::sin(4999 * 0.25), 1e-7);
}

TEST(RopeTable, TheAttentionFactorScalesCosAndSin) {
  std::vector<float> table(2 * 2);
  fill_rope_table({.frequencies = {1}, .attention_factor = 1.5}, table);
  EXPECT_EQ(table[0], 1.5F);
  EXPECT_FLOAT_EQ(table[2], 1.5F * std::cos(1.0F));
  EXPECT_FLOAT_EQ(table[3], 1.5F * std::sin(1.0F));
}

}  // namespace
}  // namespace nntune::runtime
