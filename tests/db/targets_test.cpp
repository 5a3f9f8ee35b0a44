#include <gmock/gmock.h>

#include "base/json.h"
#include "db/query.h"
#include "tests/db/support.h"

namespace nntune::db {
namespace {

using namespace test;

Target measured_target() {
  Target target;
  target.isa.avx2 = target.isa.fma = target.isa.f16c = true;
  target.cores = 2;
  target.f32_fma = 40e9;
  target.dram_read = 10e9;
  target.measured = true;
  target.short_name = "amd-avx2-2c";
  return target;
}

class Targets : public ::testing::Test {
 protected:
  std::int64_t record(const Target& target) {
    auto id = database.record_target(target);
    EXPECT_TRUE(id) << id.error().message();
    return id.value_or(0);
  }
  std::int64_t found(const Target& target) {
    const auto record = find_target(database, target).value();
    return record ? record->id : 0;
  }
  Folder folder;
  Database database = open(folder / "tuning.db");
};

TEST_F(Targets, SameKindIsOneRowAndTheBestOfAllRunsIsKept) {
  Target target = measured_target();
  const std::int64_t id = record(target);
  target.dram_read = 7e9;  // beside a neighbour
  target.f32_fma *= 1.1;
  EXPECT_EQ(record(target), id);
  const auto rows = targets(database).value();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].target.f32_fma, 40e9) << "the identity does not drift";
  EXPECT_EQ(rows[0].target.short_name, "amd-avx2-2c");
  EXPECT_EQ(rows[0].latest.dram_read, 10e9) << "a slow run moves nothing";
  EXPECT_EQ(rows[0].latest.f32_fma, 40e9 * 1.1);
  EXPECT_GE(rows[0].last_seen, rows[0].first_seen);
  target.dram_read = 12e9;
  EXPECT_EQ(record(target), id);
  EXPECT_EQ(targets(database).value()[0].latest.dram_read, 12e9);
}

TEST_F(Targets, ARunBesideOthersIsNoOtherMachine) {
  const std::int64_t id = record(measured_target());
  Target disturbed = measured_target();
  disturbed.f32_fma *= 0.5;
  disturbed.other_load_cores = 0.9;
  EXPECT_EQ(record(disturbed), id);
  const auto rows = targets(database).value();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].latest.to_json(), measured_target().to_json());
  disturbed.f32_fma = 2 * measured_target().f32_fma;
  EXPECT_NE(record(disturbed), id) << "nobody makes it faster";
}

TEST_F(Targets, OtherKindIsAnotherRow) {
  const std::int64_t id = record(measured_target());
  Target faster = measured_target();
  faster.f32_fma *= 2;
  Target wider = measured_target();
  wider.cores = 8;
  EXPECT_NE(record(faster), id);
  EXPECT_NE(record(wider), id);
  EXPECT_EQ(targets(database).value().size(), 3U);
  EXPECT_EQ(found(faster), record(faster));
}

TEST_F(Targets, ProbedMachineFindsItsMeasuredKindLastSeen) {
  Target probed = measured_target();
  probed.measured = false;
  probed.f32_fma = 1;  // a default
  EXPECT_EQ(found(probed), 0);
  const std::int64_t slow = record(measured_target());
  EXPECT_EQ(found(probed), slow);
  Target faster = measured_target();
  faster.f32_fma *= 2;
  const std::int64_t fast = record(faster);
  EXPECT_EQ(found(probed), fast);
  record(measured_target());
  EXPECT_EQ(found(probed), slow) << "seen again";
  probed.cores = 64;
  EXPECT_EQ(found(probed), 0);
}

TEST_F(Targets, DefaultPeaksNeverStandForMeasuredOnes) {
  Target probed = measured_target();
  probed.measured = false;
  const std::int64_t unmeasured = record(probed);
  EXPECT_EQ(found(probed), unmeasured);
  EXPECT_EQ(found(measured_target()), 0);
  const std::int64_t measured = record(measured_target());
  EXPECT_NE(measured, unmeasured);
  EXPECT_EQ(found(probed), measured);
  EXPECT_EQ(record(probed), measured);
  EXPECT_TRUE(targets(database).value()[1].latest.measured) << "a probe does not overwrite a measurement";
}

TEST_F(Targets, DamagedRowIsOneClearLine) {
  record(measured_target());
  ASSERT_TRUE(database.connection().execute("UPDATE target SET json = '{\"cores\": \"many\"}'"));
  EXPECT_THAT(message(targets(database)), ::testing::HasSubstr("tuning.db holds a damaged target 1"));
}

}  // namespace
}  // namespace nntune::db
