#include "tuner/measurer.h"

#include <gtest/gtest.h>

#include "db/query.h"
#include "tests/tuner/measurer_fixture.h"

namespace nntune::tuner {
namespace {

using schedule::Schedule;
using schedule::Workload;
using testing::MeasurerTest;

TEST_F(MeasurerTest, StoresARowForEachCandidateWithAllThatTheDatabaseAsksFor) {
  const Workload workload = matvec();
  auto schedules = evolution(workload).propose(4);
  schedules.push_back(Schedule{{{"no_such_knob", 1}}});
  const auto results = measurer_->measure(workload, schedules, {.samples = 5});
  ASSERT_TRUE(results) << results.error().message();
  ASSERT_EQ(results->results.size(), schedules.size());
  for (std::size_t i = 0; i + 1 < results->results.size(); ++i) {
    EXPECT_EQ(results->results[i].verdict, db::Verdict::ok) << results->results[i].schedule.text();
    EXPECT_GT(results->results[i].seconds, 1e-7);
    EXPECT_LT(results->results[i].seconds, 0.1);
  }
  EXPECT_EQ(results->results.back().verdict, db::Verdict::compile_error);

  const auto rows = db::measurements(*database_);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), schedules.size());
  EXPECT_EQ(measurer_->stored(), static_cast<std::int64_t>(schedules.size()));
  for (const db::Measurement& row : *rows) {
    EXPECT_EQ(row.workload, workload.text());
    EXPECT_EQ(row.family, "matmul");
    if (row.verdict != db::Verdict::ok) continue;
    EXPECT_GE(row.samples_ns.size(), 2U);
    EXPECT_TRUE(row.object_hash);
    EXPECT_LE(row.max_error, row.tolerance);
    EXPECT_TRUE(row.compiler.starts_with("llvm "));
  }
}

}  // namespace
}  // namespace nntune::tuner
