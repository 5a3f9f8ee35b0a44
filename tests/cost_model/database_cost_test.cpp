#include "cost_model/database_cost.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <thread>

#include "compiler/kernels/family.h"
#include "db/database.h"

namespace nntune::cost_model {
namespace {

using extract::CostSource;
using schedule::Workload;

Target test_target() {
  Target target;
  target.isa = {.avx2 = true, .fma = true, .f16c = true};
  target.cores = 2;
  target.f32_fma = 50e9;
  target.bf16_dot = 50e9;
  target.l1_read = 200e9;
  target.l2_read = 100e9;
  target.l3_read = 50e9;
  target.dram_read = 20e9;
  target.dram_read_all_cores = 30e9;
  target.barrier_seconds = 1e-6;
  target.measured = true;
  target.short_name = "test";
  return target;
}

Workload matvec(std::int64_t n) {
  const auto w =
      Workload::make(graph::matmul(), {{graph::DType::f32, {1, 256}, {}}, {graph::DType::f32, {n, 256}, {{0, 16}}}}, 0, 1);
  if (!w) throw std::runtime_error(w.error().message());
  return *w;
}

/// What no family makes: int operands.
Workload impossible() {
  Workload workload = matvec(64);
  workload.inputs[1].lanes = {{1, 3}};
  return workload;
}

class DatabaseCost : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("nntune-cost-" + std::to_string(getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    auto database = db::Database::open(folder_ / "tuning.db", db::Mode::read_write);
    ASSERT_TRUE(database) << database.error().message();
    database_.emplace(std::move(*database));
    target_id_ = *database_->record_target(test_target());
    estimates_ = std::make_shared<EstimateCostModel>(test_target());
  }
  void TearDown() override {
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  void store(const Workload& workload, const std::string& schedule, double ns, db::Verdict verdict = db::Verdict::ok,
             db::Place place = db::Place::worker, std::optional<std::int64_t> session = {},
             double read_bytes_per_s = db::Measurement::kUnknown) {
    db::Measurement row;
    row.session_id = session;
    row.target_id = target_id_;
    row.workload = workload.text();
    row.family = workload.family();
    row.schedule = schedule;
    row.object_hash = hash128(schedule);
    row.compiler = "llvm";
    row.nntune_version = "test";
    row.verdict = verdict;
    row.place = place;
    row.dram_read_bytes_per_s = read_bytes_per_s;
    if (verdict == db::Verdict::ok) row.samples_ns = {ns};
    const auto id = database_->insert_measurement(row);
    ASSERT_TRUE(id) << id.error().message();
  }
  std::unique_ptr<DatabaseCostModel> model(std::optional<std::int64_t> target_id, Attitude attitude = Attitude::careful) {
    auto made = DatabaseCostModel::make(*database_, target_id, estimates_, attitude);
    if (!made) throw std::runtime_error(made.error().message());
    return std::move(*made);
  }

  std::filesystem::path folder_;
  std::optional<db::Database> database_;
  std::int64_t target_id_ = 0;
  std::shared_ptr<EstimateCostModel> estimates_;
};

TEST_F(DatabaseCost, EmptyDatabaseGivesTheEstimates) {
  const auto costs = model(target_id_);
  const extract::Cost cost = costs->cost(matvec(64));
  EXPECT_EQ(cost.source, CostSource::estimated);
  EXPECT_EQ(cost.seconds, estimates_->cost(matvec(64)).seconds);
  EXPECT_EQ(*costs->schedule(matvec(64)), *kernels::default_schedule(matvec(64), test_target()));
}

TEST_F(DatabaseCost, MeasuredBeatsEstimated) {
  const auto family = *kernels::find_family(matvec(64));
  std::mt19937_64 rng(1);
  const auto other = family->space(matvec(64), test_target()).random(rng);
  ASSERT_TRUE(other);
  store(matvec(64), kernels::default_schedule(matvec(64), test_target())->text(), 9000);
  store(matvec(64), other->text(), 5000);
  const auto costs = model(target_id_);
  const extract::Cost cost = costs->cost(matvec(64));
  EXPECT_EQ(cost.source, CostSource::measured);
  EXPECT_DOUBLE_EQ(cost.seconds, 5000e-9);
  EXPECT_EQ(*costs->schedule(matvec(64)), *other);
  EXPECT_TRUE(costs->status());
}

TEST_F(DatabaseCost, FailedCandidatesAndOtherTargetsCountForNothing) {
  store(matvec(64), kernels::default_schedule(matvec(64), test_target())->text(), 1, db::Verdict::wrong_result);
  EXPECT_EQ(model(target_id_)->cost(matvec(64)).source, CostSource::estimated);
  store(matvec(64), kernels::default_schedule(matvec(64), test_target())->text(), 5000);
  EXPECT_EQ(model(std::nullopt)->cost(matvec(64)).source, CostSource::estimated);
  EXPECT_EQ(model(target_id_ + 1)->cost(matvec(64)).source, CostSource::estimated);
}

TEST_F(DatabaseCost, AKindMeasuredSlowerThanEstimatedIsCorrectedForItsOtherWorkloads) {
  const double estimate = estimates_->cost(matvec(64)).seconds;
  store(matvec(64), kernels::default_schedule(matvec(64), test_target())->text(), estimate * 1e9 * 3);
  const auto costs = model(target_id_, Attitude::curious);
  EXPECT_NEAR(costs->corrections().at("matmul of one row"), 3, 1e-9);
  EXPECT_NEAR(costs->cost(matvec(128)).seconds, 3 * estimates_->cost(matvec(128)).seconds, 1e-12);
  Workload rows = matvec(128);
  rows.inputs[0].shape[0] = rows.output.shape[0] = 16;
  EXPECT_EQ(costs->cost(rows).seconds, estimates_->cost(rows).seconds);
}

TEST_F(DatabaseCost, CarefulPrefersWhatIsKnown) {
  store(matvec(64), kernels::default_schedule(matvec(64), test_target())->text(), 5000);
  const auto careful = model(target_id_, Attitude::careful);
  const auto curious = model(target_id_, Attitude::curious);
  EXPECT_EQ(careful->cost(matvec(64)).seconds, curious->cost(matvec(64)).seconds);
  EXPECT_NEAR(careful->cost(matvec(128)).seconds, kCaution * curious->cost(matvec(128)).seconds, 1e-12);
}

TEST_F(DatabaseCost, TimesAloneAreScaledToTimesInAProgramOfTheirKind) {
  const auto standard = [](std::int64_t n) { return kernels::default_schedule(matvec(n), test_target())->text(); };
  store(matvec(64), standard(64), 5000);
  store(matvec(64), standard(64), 7500, db::Verdict::ok, db::Place::program);
  store(matvec(128), standard(128), 8000);
  const auto curious = model(target_id_, Attitude::curious);
  EXPECT_NEAR(curious->program_factors().at("matmul of one row"), 1.5, 1e-9);
  EXPECT_DOUBLE_EQ(curious->cost(matvec(64)).seconds, 7500e-9) << "known in a program";
  EXPECT_NEAR(curious->cost(matvec(128)).seconds, 12000e-9, 1e-15);
  EXPECT_NEAR(model(target_id_, Attitude::careful)->cost(matvec(128)).seconds, kWorkerCaution * 12000e-9, 1e-15);
}

TEST_F(DatabaseCost, ASlowDayDoesNotMakeWhatWasTimedThenLookWorse) {
  const auto standard = [](std::int64_t n) { return kernels::default_schedule(matvec(n), test_target())->text(); };
  const auto session = [&] { return *database_->begin_session({.command = "search", .model = "tiny"}); };
  const std::int64_t fast_day = session();
  const std::int64_t slow_day = session();
  for (const std::int64_t n : {64, 128, 192, 256}) {
    store(matvec(n), standard(n), static_cast<double>(n) * 100, db::Verdict::ok, db::Place::program, fast_day);
  }
  for (const std::int64_t n : {64, 128, 192}) {
    store(matvec(n), standard(n), static_cast<double>(n) * 130, db::Verdict::ok, db::Place::program, slow_day);
  }
  const auto costs = model(target_id_);
  EXPECT_NEAR(costs->cost(matvec(256)).seconds, 256 * 130e-9, 1e-12) << "only timed on the fast day";
  EXPECT_NEAR(costs->cost(matvec(64)).seconds, 64 * 130e-9, 1e-12);
}

TEST_F(DatabaseCost, AKernelThatMetFastMemoryDoesNotBeatOneThatDidNot) {
  const auto standard = [](std::int64_t n) { return kernels::default_schedule(matvec(n), test_target())->text(); };
  const std::int64_t session = *database_->begin_session({.command = "search", .model = "tiny"});
  for (const std::int64_t n : {64, 128, 192}) {
    store(matvec(n), standard(n), static_cast<double>(n) * 100, db::Verdict::ok, db::Place::program, session, 33e9);
  }
  store(matvec(256), standard(256), 256 * 60, db::Verdict::ok, db::Place::program, session, 55e9);
  const auto costs = model(target_id_);
  EXPECT_NEAR(costs->cost(matvec(256)).seconds, 256 * 100e-9, 1e-12);
  EXPECT_NEAR(costs->drift(matvec(256)), 55.0 / 33, 1e-12);
  EXPECT_NEAR(costs->cost(matvec(64)).seconds, 64 * 100e-9, 1e-12);
}

TEST_F(DatabaseCost, AScheduleThatIsNoLongerPossibleGivesWayToTheNextBest) {
  store(matvec(64), R"({"knob_of_old":1})", 1000);
  store(matvec(64), kernels::default_schedule(matvec(64), test_target())->text(), 5000);
  const auto costs = model(target_id_);
  EXPECT_DOUBLE_EQ(costs->cost(matvec(64)).seconds, 5000e-9);
  EXPECT_EQ(*costs->schedule(matvec(64)), *kernels::default_schedule(matvec(64), test_target()));
}

TEST(EstimateCost, WhatNoFamilyCanDoCostsInfinitely) {
  const EstimateCostModel costs(test_target());
  EXPECT_TRUE(std::isinf(costs.cost(impossible()).seconds));
  EXPECT_FALSE(costs.schedule(impossible()));
}

TEST(EstimateCost, MoreWorkCostsMore) {
  const EstimateCostModel costs(test_target());
  EXPECT_GT(costs.cost(matvec(64)).seconds, 0);
  EXPECT_GT(costs.cost(matvec(4096)).seconds, costs.cost(matvec(1024)).seconds);
}

TEST(EstimateCost, ThreadsAskingAtOnceGetTheSameAnswer) {
  const EstimateCostModel costs(test_target());
  std::vector<double> answers(8);
  {
    std::vector<std::jthread> threads;
    for (double& answer : answers) threads.emplace_back([&] { answer = costs.cost(matvec(256)).seconds; });
  }
  for (const double answer : answers) EXPECT_EQ(answer, answers.front());
}

}  // namespace
}  // namespace nntune::cost_model
