#include "cli/bench_report.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace nntune::cli {
namespace {

BenchResult generation() {
  return {.model = "tiny, \"x\"",
          .dtype = "bf16",
          .model_bytes = 1'190'000'000,
          .n_gen = 64,
          .n_depth = 512,
          .n_threads = 2,
          .samples_seconds = {2, 1, 4},
          .bytes_per_token = 1'000'000'000,
          .reads_bytes_per_second = {40e9, 80e9, 20e9},
          .other_load_cores = 0.93};
}

TEST(BenchReport, JsonHasTheFieldsOfLlamaBench) {
  const Json json = generation().to_json();
  EXPECT_EQ(json["n_prompt"], 0);
  EXPECT_EQ(json["n_gen"], 64);
  EXPECT_EQ(json["n_depth"], 512);
  EXPECT_EQ(json["n_threads"], 2);
  EXPECT_EQ(json["samples_ts"], (std::vector<double>{32, 64, 16}));
  EXPECT_EQ(json["samples_ns"], (std::vector<std::int64_t>{2'000'000'000, 1'000'000'000, 4'000'000'000}));
  EXPECT_NEAR(json["avg_ts"].get<double>(), 112.0 / 3, 1e-9);
  EXPECT_NEAR(json["stddev_ts"].get<double>(), 24.4404, 1e-4);
  EXPECT_EQ(json["median_ts"], 32);
  EXPECT_NEAR(json["read_share"].get<double>(), 0.8, 1e-12);
  EXPECT_EQ(json["other_load_cores"], 0.93);
}

TEST(BenchReport, APromptHasNoReadShare) {
  BenchResult prompt = generation();
  prompt.n_prompt = 512;
  prompt.n_gen = 0;
  prompt.n_depth = 0;
  EXPECT_EQ(prompt.test(), "pp512");
  EXPECT_FALSE(prompt.read_share());
  EXPECT_FALSE(prompt.to_json().contains("read_share"));
  EXPECT_EQ(generation().test(), "tg64 @ d512");
}

TEST(BenchReport, EveryFormatIsWhole) {
  const BenchResult result = generation();
  const std::string json = bench_header(BenchFormat::json) + bench_row(BenchFormat::json, result, true) +
                           bench_row(BenchFormat::json, result, false) + bench_footer(BenchFormat::json);
  EXPECT_EQ(Json::parse(json).size(), 2U);
  EXPECT_EQ(Json::parse(bench_header(BenchFormat::json) + bench_footer(BenchFormat::json)).size(), 0U);

  const std::string line = bench_row(BenchFormat::jsonl, result, true);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(Json::parse(line), result.to_json());

  EXPECT_EQ(bench_row(BenchFormat::csv, result, true),
            "\"tiny, \"\"x\"\"\",bf16,1190000000,0,64,512,2,37.333333,24.440404,32.000000,40000000000,0.8000,0.930\n");
  EXPECT_NE(bench_row(BenchFormat::md, result, true).find("|    tg64 @ d512 |"), std::string::npos);
  EXPECT_NE(bench_row(BenchFormat::md, result, true).find("80 %"), std::string::npos);
}

TEST(BenchReport, FormatsAreKnownByName) {
  EXPECT_EQ(parse_bench_format("jsonl").value(), BenchFormat::jsonl);
  EXPECT_FALSE(parse_bench_format("xml"));
}

}  // namespace
}  // namespace nntune::cli
