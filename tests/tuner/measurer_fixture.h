/// A database, workers and a small matrix-vector workload to measure.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>

#include "base/target.h"
#include "compiler/kernels/family.h"
#include "db/database.h"
#include "tests/support/paths.h"
#include "tuner/evolution.h"
#include "tuner/measurer.h"
#include "tuner/worker_pool.h"

namespace nntune::tuner::testing {

class MeasurerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto probed = probe_target();
    ASSERT_TRUE(probed) << probed.error().message();
    target_ = *probed;
    target_.l3_bytes = std::min<std::int64_t>(target_.l3_bytes, 32 << 20);
    folder_ = std::filesystem::temp_directory_path() / ("nntune-measurer-" + std::to_string(getpid()));
    std::filesystem::remove_all(folder_);
    auto database = db::Database::open(folder_ / "tuning.db", db::Mode::read_write);
    ASSERT_TRUE(database) << database.error().message();
    database_.emplace(std::move(*database));
    target_id_ = *database_->record_target(target_);
    auto pool = WorkerPool::start(test_support::nntune_binary(), target_, static_cast<int>(allowed_cpus().size()),
                                  std::int64_t{2} << 30);
    ASSERT_TRUE(pool) << pool.error().message();
    pool_.emplace(std::move(*pool));
    measurer_.emplace(*pool_, *database_, target_,
                      Provenance{.target_id = target_id_, .session_id = {}, .nntune_version = "test"});
  }
  void TearDown() override {
    measurer_.reset();
    pool_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  schedule::Workload matvec() const {
    const int threads = static_cast<int>(allowed_cpus().size());
    const auto w = schedule::Workload::make(
        graph::matmul(), {{graph::DType::f32, {1, 1024}, {}}, {graph::DType::f32, {1024, 1024}, {{0, 32}}}}, 0, threads);
    if (!w) throw std::runtime_error(w.error().message());
    return *w;
  }
  Evolution evolution(const schedule::Workload& workload) const {
    const auto family = *kernels::find_family(workload);
    return Evolution(
        family->space(workload, target_),
        [=, this](const schedule::Schedule& s) { return family->estimate_seconds(workload, s, target_); }, 1);
  }

  Target target_;
  std::filesystem::path folder_;
  std::optional<db::Database> database_;
  std::int64_t target_id_ = 0;
  std::optional<WorkerPool> pool_;
  std::optional<Measurer> measurer_;
};

}  // namespace nntune::tuner::testing
