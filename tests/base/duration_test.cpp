#include "base/duration.h"

#include <gtest/gtest.h>

#include <limits>

namespace nntune {
namespace {

TEST(Duration, SecondsHaveThreeDigits) {
  EXPECT_EQ(format_seconds(812e-9), "0.81 us");
  EXPECT_EQ(format_seconds(1.234e-6), "1.23 us");
  EXPECT_EQ(format_seconds(99.94e-6), "99.9 us");
  EXPECT_EQ(format_seconds(123.4e-6), "123 us");
  EXPECT_EQ(format_seconds(0.9999e-3), "1.00 ms");
  EXPECT_EQ(format_seconds(45.6e-3), "45.6 ms");
  EXPECT_EQ(format_seconds(2), "2.00 s");
  EXPECT_EQ(format_seconds(std::numeric_limits<double>::infinity()), "-");
}

TEST(Duration, ClockCountsHours) {
  EXPECT_EQ(clock_text(-1), "0:00");
  EXPECT_EQ(clock_text(42.9), "0:42");
  EXPECT_EQ(clock_text(723), "12:03");
  EXPECT_EQ(clock_text(3723), "1:02:03");
}

}  // namespace
}  // namespace nntune
