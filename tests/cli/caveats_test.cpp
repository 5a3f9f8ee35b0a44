#include "cli/caveats.h"

#include <gtest/gtest.h>

namespace nntune::cli {
namespace {

TEST(Caveats, TheLoadOfARowIsInItsEnvironment) {
  db::Measurement row;
  EXPECT_FALSE(other_load_of(row)) << "older than the note";
  row.environment = R"({"load_average":0.5})";
  EXPECT_FALSE(other_load_of(row));
  row.environment = R"({"load_average":0.5,"other_load_cores":0.0})";
  EXPECT_EQ(other_load_of(row), 0.0);
  row.environment = R"({"other_load_cores":"much"})";
  EXPECT_FALSE(other_load_of(row));
}

TEST(Caveats, BusyRowsAreOneSentenceWithTheFigure) {
  EXPECT_EQ(busy_line({.kernels = 40, .measured = 34, .busy = 0, .cores = 0}, 2), "");
  EXPECT_EQ(busy_line({.kernels = 40, .measured = 34, .busy = 12, .cores = 0.93}, 2),
            "other processes took 0.9 of 2 cores while 12 of 34 measured kernels were timed");
}

}  // namespace
}  // namespace nntune::cli
