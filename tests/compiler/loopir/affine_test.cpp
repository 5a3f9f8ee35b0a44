#include "compiler/loopir/affine.h"

#include <gtest/gtest.h>

namespace nntune::loopir {
namespace {

TEST(Affine, CollectsTermsOfTheSameVariable) {
  const Var i = variable("i");
  const Affine sum = affine(use(i) * 3 + 5 + use(i) * 4);
  EXPECT_EQ(sum.coefficient_of(i), 7);
  EXPECT_EQ(sum.constant, 5);
}

TEST(Affine, DividesATiledIndexIntoPanelAndLane) {
  const Var p = variable("p");
  const Var v = variable("v", 2);
  const Var l = variable("l", 16);
  const auto parts = div_mod(affine(use(p) * 32 + use(v) * 16 + use(l)), 32);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->first.coefficient_of(p), 1);
  EXPECT_EQ(parts->second.coefficient_of(v), 16);
  EXPECT_EQ(parts->second.coefficient_of(l), 1);
}

TEST(Affine, RefusesADivisionThatMayCarry) {
  const Var v = variable("v", 3);
  const Var l = variable("l", 16);
  EXPECT_FALSE(div_mod(affine(use(v) * 16 + use(l)), 32));
  const Var unknown = variable("u");
  EXPECT_FALSE(div_mod(affine(use(unknown)), 32));
}

TEST(Affine, KnownValuesReachIntoDivisions) {
  const Var v = variable("v", 4);
  const Affine sum = affine((use(v) * 24) / integer(32), [&](const Var&) { return std::optional<std::int64_t>(2); });
  EXPECT_TRUE(sum.is_constant());
  EXPECT_EQ(sum.constant, 1);
}

}  // namespace
}  // namespace nntune::loopir
