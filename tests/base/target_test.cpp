#include "base/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "base/json.h"

namespace nntune {
namespace {

using ::testing::HasSubstr;

Target example() {
  Target target;
  target.isa.avx2 = target.isa.fma = target.isa.f16c = true;
  target.isa.avx512f = target.isa.avx512bw = target.isa.avx512vl = target.isa.avx512dq = true;
  target.isa.avx512vnni = true;
  target.cores = 4;
  target.l1d_bytes = 48 << 10;
  target.l2_bytes = 2 << 20;
  target.l3_bytes = 480 << 20;
  target.f32_fma = 100e9;
  target.int8_dot = 400e9;
  target.l1_read = 400e9;
  target.l2_read = 123456789012.5;
  target.l3_read = 20e9;
  target.dram_read = 15e9;
  target.dram_read_all_cores = 33e9;
  target.barrier_seconds = 0.3e-6;
  target.measured = true;
  target.short_name = "intel-avx512vnni-4c";
  return target;
}

TEST(Target, JsonRoundTripKeepsEverything) {
  const Json json = example().to_json();
  const auto back = Target::from_json(Json::parse(json.dump()));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->to_json(), json);
  EXPECT_EQ(back->isa, example().isa);
  EXPECT_EQ(back->l2_read, example().l2_read);
  EXPECT_TRUE(back->same_kind(example()));
}

TEST(Target, RowsOfBeforeTheLoadWasNotedAreRead) {
  Json json = example().to_json();
  EXPECT_EQ(json["other_load_cores"], 0);
  json.erase("other_load_cores");
  const auto back = Target::from_json(json);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->other_load_cores, 0);
}

TEST(Target, TheBestOfTwoRunsHasTheHigherPeaksAndBandwidthsOfBoth) {
  Target other = example();
  other.f32_fma *= 1.1;
  other.int8_dot *= 0.9;
  other.dram_read *= 2;
  other.l2_read *= 0.5;
  other.barrier_seconds *= 2;
  other.other_load_cores = 0.7;
  for (const Target& best : {example().best_with(other), other.best_with(example())}) {
    EXPECT_EQ(best.f32_fma, other.f32_fma);
    EXPECT_EQ(best.int8_dot, example().int8_dot);
    EXPECT_EQ(best.dram_read, other.dram_read);
    EXPECT_EQ(best.l2_read, example().l2_read);
    EXPECT_EQ(best.barrier_seconds, example().barrier_seconds);
    EXPECT_FALSE(best.was_busy());
  }
  Target guessed = example();
  guessed.measured = false;
  guessed.f32_fma *= 10;
  EXPECT_EQ(guessed.best_with(example()).to_json(), example().to_json());
}

TEST(Target, PeaksMeasuredBesideOthersAreLowerBounds) {
  Target busy = example();
  busy.f32_fma *= 0.4;
  busy.other_load_cores = 0.1;
  EXPECT_TRUE(busy.same_kind(example()));
  EXPECT_TRUE(example().same_kind(busy));
  busy.other_load_cores = 0.09;
  EXPECT_FALSE(busy.same_kind(example()));
  busy.other_load_cores = 1;
  busy.f32_fma = example().f32_fma * 1.3;
  EXPECT_FALSE(busy.same_kind(example()));
  busy.f32_fma = 0;
  EXPECT_FALSE(busy.same_kind(example())) << "a unit that only one of them has";
}

TEST(Target, EachDamageOfItsJsonIsOneClearError) {
  const Json good = example().to_json();
  const auto error_of = [&](const char* pointer, const Json& value) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    const auto target = Target::from_json(bad);
    return target ? std::string("accepted") : target.error().message();
  };
  EXPECT_THAT(error_of("/cores", 0), HasSubstr("\"cores\""));
  EXPECT_THAT(error_of("/cores", 1.5), HasSubstr("\"cores\""));
  EXPECT_THAT(error_of("/l3_bytes", -1), HasSubstr("\"l3_bytes\""));
  EXPECT_THAT(error_of("/features", "avx2"), HasSubstr("\"features\""));
  EXPECT_THAT(error_of("/features/0", 7), HasSubstr("\"features\""));
  EXPECT_THAT(error_of("/features/0", "avx1024"), HasSubstr("avx1024"));
  EXPECT_THAT(error_of("/peak_macs_per_second/f32_fma", -1.0), HasSubstr("peak_macs_per_second.f32_fma"));
  EXPECT_THAT(error_of("/peak_macs_per_second/f32_fma", "fast"), HasSubstr("peak_macs_per_second.f32_fma"));
  EXPECT_THAT(error_of("/read_bytes_per_second", nullptr), HasSubstr("read_bytes_per_second"));
  EXPECT_THAT(error_of("/barrier_seconds", -1), HasSubstr("barrier_seconds"));
  EXPECT_THAT(error_of("/measured", 1), HasSubstr("measured"));
  EXPECT_THAT(error_of("/other_load_cores", -0.1), HasSubstr("other_load_cores"));
  EXPECT_THAT(error_of("/other_load_cores", "some"), HasSubstr("other_load_cores"));
  EXPECT_THAT(error_of("", Json::array()), HasSubstr("no JSON object"));
  for (const auto& item : good.items()) {
    if (item.key() == "other_load_cores") continue;  // databases of earlier versions have none
    Json bad = good;
    bad.erase(item.key());
    EXPECT_FALSE(Target::from_json(bad)) << "without " << item.key();
  }
}

TEST(Target, PeaksWithin25PercentAreTheSameKind) {
  for (const double factor : {1.0, 1.24, 1 / 1.24}) {
    Target other = example();
    other.f32_fma *= factor;
    EXPECT_TRUE(example().same_kind(other)) << factor;
    EXPECT_TRUE(other.same_kind(example())) << factor;
  }
  for (const double factor : {1.26, 1 / 1.26, 0.0}) {
    Target other = example();
    other.int8_dot *= factor;
    EXPECT_FALSE(example().same_kind(other)) << factor;
    EXPECT_FALSE(other.same_kind(example())) << factor;
  }
}

TEST(Target, FeaturesCachesAndCoresAreIdentityAndBandwidthIsNot) {
  const auto differs = [](auto change) {
    Target other = example();
    change(other);
    return !example().same_kind(other);
  };
  EXPECT_TRUE(differs([](Target& t) { t.isa.gfni = true; }));
  EXPECT_TRUE(differs([](Target& t) { t.cores = 2; }));
  EXPECT_TRUE(differs([](Target& t) { t.l1d_bytes *= 2; }));
  EXPECT_TRUE(differs([](Target& t) { t.l2_bytes *= 2; }));
  EXPECT_TRUE(differs([](Target& t) { t.l3_bytes *= 2; }));
  EXPECT_FALSE(differs([](Target& t) { t.dram_read /= 3; }));
  EXPECT_FALSE(differs([](Target& t) { t.barrier_seconds *= 5; }));
  EXPECT_FALSE(differs([](Target& t) { t.short_name = "x86"; }));
}

TEST(Target, DefaultPeaksTellNothingApart) {
  Target guessed = example();
  guessed.measured = false;
  guessed.f32_fma *= 2;
  EXPECT_TRUE(guessed.same_kind(example()));
  EXPECT_TRUE(example().same_kind(guessed));
}

TEST(Isa, NamesRoundTrip) {
  const Isa isa = example().isa;
  const auto back = Isa::from_names(isa.names());
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, isa);
  EXPECT_FALSE(Isa::from_names({"avx2", "AVX2"}));
}

TEST(Target, ProbingIsFastAndMeasuresNothing) {
  const auto start = std::chrono::steady_clock::now();
  const auto target = probe_target();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ASSERT_TRUE(target) << target.error().message();
  EXPECT_LT(seconds, 2.0);  // 5 ms on a quiet machine; a child that hangs would take 2 s
  EXPECT_FALSE(target->measured);
  EXPECT_EQ(static_cast<std::size_t>(target->cores), allowed_cpus().size());
  EXPECT_GT(target->f32_fma, 0);
  EXPECT_EQ(target->amx_int8 > 0, target->isa.amx_int8);
  EXPECT_LE(target->l1d_bytes, target->l2_bytes);
  EXPECT_THAT(target->short_name, ::testing::MatchesRegex("[a-z0-9]+-[a-z0-9]+-[0-9]+c"));
}

// Bounds far outside any machine: only a broken loop (folded away, or going through memory) misses them.
TEST(Target, MeasuringGivesPlausibleNumbersInTime) {
  const auto start = std::chrono::steady_clock::now();
  const auto target = measure_target();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ASSERT_TRUE(target) << target.error().message();
  EXPECT_LT(seconds, 30);
  EXPECT_TRUE(target->measured);
  const double lanes = target->isa.vector_bytes() / 4.0;
  EXPECT_GT(target->f32_fma, lanes * 0.5e9);
  EXPECT_LT(target->f32_fma, lanes * 4 * 8e9);
  for (const double dot : {target->bf16_dot, target->int8_dot}) {
    EXPECT_TRUE(dot == 0 || (dot > lanes * 0.5e9 && dot < lanes * 4 * 4 * 8e9)) << dot;
  }
  EXPECT_EQ(target->int8_dot > 0, target->isa.avx512vnni || target->isa.avxvnni);
  EXPECT_GT(target->l1_read, target->dram_read);
  EXPECT_GT(target->dram_read, 0.2e9);
  EXPECT_LT(target->dram_read, 500e9);
  if (target->cores > 1) {
    EXPECT_GT(target->barrier_seconds, 10e-9);
    EXPECT_LT(target->barrier_seconds, 10e-3);
  }
  EXPECT_TRUE(target->same_kind(*probe_target()));
}

}  // namespace
}  // namespace nntune
