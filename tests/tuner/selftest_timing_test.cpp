#include "tuner/selftest.h"

#include <gtest/gtest.h>

#include "tests/support/paths.h"

namespace nntune::tuner {
namespace {

TEST(Selftest, PassesHereWithFewDuels) {
  const auto target = probe_target();
  ASSERT_TRUE(target);
  SelftestOptions options;
  options.duels = 16;
  options.worker_binary = test_support::nntune_binary();
  options.target = *target;
  options.budget_seconds = 60;
  int rows = 0;
  const auto report = selftest(options, [&](const SelftestRow&) { ++rows; });
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(static_cast<int>(report->rows.size()), rows);
  EXPECT_EQ(report->twins(), 16);
  EXPECT_EQ(report->slowed(), 16);
  // Of so few, two and four may err: a test that fails once in a thousand runs helps nobody.
  EXPECT_LE(report->told_apart(), 2);
  EXPECT_GE(report->found(), 12);
}

}  // namespace
}  // namespace nntune::tuner
