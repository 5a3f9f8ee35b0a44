#include "base/huge_page_mode.h"

#include <gtest/gtest.h>

namespace nntune {
namespace {

TEST(HugePageMode, ReadsTheChosenWord) {
  EXPECT_EQ(chosen_word("always [madvise] never\n"), "madvise");
  EXPECT_EQ(chosen_word("madvise"), "");
  EXPECT_EQ(chosen_word("] ["), "");
}

}  // namespace
}  // namespace nntune
