#include <fmt/format.h>

#include <cmath>

#include "tests/compiler/kernels/kernel_check.h"

namespace nntune::kernels {
namespace {

class Attention : public KernelTest {};
NNTUNE_FOR_EACH_CPU(Attention);

TEST_P(Attention, DecodeOverRowMajorCache) {
  expect_right(kEveryCpu,
               "attention{4,2,0.08838834764831845;;}(f32[1,512],f32[2,?,128],f32[2,?,128])->f32[1,512] past=77 t=2", 1e-5);
}

TEST_P(Attention, PrefillOverPackedKeys) {
  expect_right(kEveryCpu,
               "attention{4,2,0.08838834764831845;;}(f32[37,512],f32[2,?,128]<1:16>,f32[2,?,128])->f32[37,512] past=50 t=2",
               1e-5);
}

TEST_P(Attention, ScoresFarApartRescaleWhatWasSummed) {
  expect_right(kEveryCpu, "attention{4,2,4;;}(f32[37,512],f32[2,?,128]<1:16>,f32[2,?,128])->f32[37,512] past=110 t=2", 1e-4,
               12);
}

TEST_P(Attention, RowsThatFillTheCache) {
  expect_right(kEveryCpu,
               "attention{4,2,0.08838834764831845;;}(f32[33,512],f32[2,?,128]<1:16>,f32[2,?,128])->f32[33,512] past=159 t=2",
               1e-5, 12);
}

TEST_P(Attention, Bf16DotsWithNormAndRopeOfTheQueries) {
  expect_right(kBf16Dot,
               "attention{4,2,0.08838834764831845;rms(1e-06,128)|scale|rope(128);cast(bf16)}"
               "(f32[37,512],f32[128],f32[?,128],bf16[2,?,128]<1:16,2:2>,bf16[2,?,128]<1:2>)->bf16[37,512] past=5 t=2",
               2e-2);
}

TEST_P(Attention, SplitsOfARowMajorCache) {
  expect_right(kEveryCpu,
               "attention{4,2,0.08838834764831845,2;;}(f32[1,512],f32[2,?,128],f32[2,?,128])->f32[1,1032] past=77 t=3",
               1e-5);
}

TEST_P(Attention, SplitsOfPackedKeysUpToTheEndOfTheCache) {
  expect_right(
      kEveryCpu,
      "attention{4,2,0.08838834764831845,3;;}(f32[1,512],f32[2,?,128]<1:16>,f32[2,?,128])->f32[1,1548] past=191 t=4", 1e-5);
}

TEST_P(Attention, MoreSplitsThanBlocksOfPositionsAreEmpty) {
  for (const char* past : {"0", "31", "32", "95"}) {
    expect_right(kEveryCpu,
                 std::string("attention{4,1,0.08838834764831845,5;;}(f32[1,512],f32[1,?,128]<1:16>,f32[1,?,128])"
                             "->f32[1,2580] past=") +
                     past + " t=5",
                 1e-5);
  }
}

TEST_P(Attention, SplitsWithScoresFarApart) {
  expect_right(kEveryCpu, "attention{4,2,4,2;;}(f32[1,512],f32[2,?,128]<1:16>,f32[2,?,128])->f32[1,1032] past=150 t=4",
               1e-4);
}

TEST_P(Attention, SplitsWithBf16DotsNormAndRopeOfTheQueries) {
  expect_right(kBf16Dot,
               "attention{8,2,0.08838834764831845,3;rms(1e-06,128)|scale|rope(128);}"
               "(f32[1,1024],f32[128],f32[?,128],bf16[2,?,128]<1:16,2:2>,bf16[2,?,128]<1:2>)->f32[1,3096] past=150 t=4",
               2e-2);
}

TEST_P(Attention, SplitsOfABf16CacheWidenedIntoF32) {
  expect_right(
      kEveryCpu,
      "attention{4,2,0.08838834764831845,2;;}(f32[1,512],bf16[2,?,128]<1:16>,bf16[2,?,128])->f32[1,1032] past=100 t=4",
      1e-5);
}

TEST(AttentionEstimate, OnlyWithManyThreadsAFewHeadsAreEstimatedFasterInSplits) {
  Target target = *probe_target();
  const auto seconds = [&](int heads, int kv_heads, int splits, int threads) {
    target.cores = threads;
    const std::string values = fmt::format("f32[{},?,128]", kv_heads);
    const auto estimate = [&](const std::string& op, const std::string& in, std::int64_t columns) {
      const schedule::Workload workload =
          parse_workload(fmt::format("{}({})->f32[1,{}] past=512 t={}", op, in, columns, threads));
      const auto schedule = default_schedule(workload, target);
      EXPECT_TRUE(schedule) << schedule.error().message();
      return schedule ? (*find_family(workload))->estimate_seconds(workload, *schedule, target) : NAN;
    };
    const std::string in = fmt::format("f32[1,{}],{}<1:16>,{}", heads * 128, values, values);
    if (splits == 1) return estimate(fmt::format("attention{{{},{},0.1;;}}", heads, kv_heads), in, heads * 128);
    const std::int64_t columns = heads * 129 * splits;
    return estimate(fmt::format("attention{{{},{},0.1,{};;}}", heads, kv_heads, splits), in, columns) +
           estimate(fmt::format("attention_merge{{{},{};}}", heads, splits), fmt::format("f32[1,{}]", columns), heads * 128);
  };
  EXPECT_LT(seconds(16, 8, 1, 2), seconds(16, 8, 2, 2));
  EXPECT_GT(seconds(16, 2, 1, 4), seconds(16, 2, 2, 4));
  EXPECT_GT(seconds(16, 2, 1, 3), seconds(16, 2, 3, 3));
  EXPECT_GT(seconds(8, 1, 1, 2), seconds(8, 1, 2, 2));
}

}  // namespace
}  // namespace nntune::kernels
