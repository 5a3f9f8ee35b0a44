#include "cost_model/memory_speed.h"

#include <gtest/gtest.h>

namespace nntune::cost_model {
namespace {

using schedule::Workload;

Target two_cores() {
  Target target;
  target.isa = {.avx2 = true, .fma = true, .f16c = true};
  target.cores = 2;
  target.f32_fma = 50e9;
  target.l2_read = 100e9;
  target.dram_read = 20e9;
  target.dram_read_all_cores = 30e9;
  return target;
}

Workload matmul(std::int64_t rows, int threads = 2) {
  return *Workload::make(graph::matmul(), {{graph::DType::f32, {rows, 256}, {}}, {graph::DType::f32, {64, 256}, {{0, 16}}}},
                         0, threads);
}

/// Most of the time 33 GB/s, sometimes 55.
MemorySpeeds two_modes() {
  std::vector<db::ProgramTiming> timings;
  for (const double speed : {33e9, 33e9, 55e9, 33e9, 55e9}) {
    timings.push_back({1, matmul(1).text(), hash128("schedule"), 1000, speed});
  }
  return {timings, two_cores()};
}

TEST(MemorySpeeds, TheUsualSpeedIsThatOfMostTimings) {
  EXPECT_EQ(two_modes().usual(2), 33e9);
  EXPECT_EQ(two_modes().usual(1), 0) << "nothing was timed with one thread";
}

TEST(MemorySpeeds, WhatWasTimedInTheFastModeCountsAsInTheUsualOne) {
  EXPECT_DOUBLE_EQ(two_modes().to_usual(matmul(1), 55e9), 55.0 / 33);
}

TEST(MemorySpeeds, ASlowReadMakesNoKernelFaster) { EXPECT_EQ(two_modes().to_usual(matmul(1), 22e9), 1); }

TEST(MemorySpeeds, NoiseOfASingleReadIsNoMode) { EXPECT_EQ(two_modes().to_usual(matmul(1), 40e9), 1); }

TEST(MemorySpeeds, ArithmeticDoesNotWaitForMemory) { EXPECT_EQ(two_modes().to_usual(matmul(512), 55e9), 1); }

TEST(MemorySpeeds, WhatIsNotKnownChangesNothing) {
  EXPECT_EQ(two_modes().to_usual(matmul(1), db::Measurement::kUnknown), 1);
  EXPECT_EQ(two_modes().to_usual(matmul(1, 1), 55e9), 1);
  EXPECT_EQ(MemorySpeeds().to_usual(matmul(1), 55e9), 1);
}

}  // namespace
}  // namespace nntune::cost_model
