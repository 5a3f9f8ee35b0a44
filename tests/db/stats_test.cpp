#include "db/stats.h"

#include <gmock/gmock.h>

#include <sstream>

#include "base/json.h"
#include "tests/db/support.h"

namespace nntune::db {
namespace {

using namespace test;
using ::testing::HasSubstr;

/// Two targets, two families; the clock is fixed, so that the pages are.
Database filled(const fs::path& path) {
  Database database = open(path);
  const std::int64_t small = add_target(database, "amd-avx2-2c");
  const std::int64_t large = add_target(database, "amd-avx512bf16-avx512vnni-amx-tile-128c");
  int second = 10;
  const auto add = [&](Measurement m) {
    m.created_at = "2025-03-09T14:05:" + std::to_string(second++) + ".000000Z";
    const auto id = database.insert_measurement(m);
    if (!id) throw std::runtime_error(id.error().message());
  };
  add(measurement(small, 1, {400}));
  add(measurement(small, 2, {100}));
  add(failed(small, 3, Verdict::crash));
  add(measurement(small, 2, {200}));  // measured again: one schedule, two measurements; the newest counts
  add(measurement(large, 1, {800}));
  add(measurement(large, 2, {100}));
  Measurement attention = failed(large, 4, Verdict::wrong_result);
  attention.family = "attention";
  attention.workload = "attention(f32)";
  add(attention);
  return database;
}

TEST(Stats, CountWhatIsThere) {
  const Folder folder;
  const Stats stats = collect_stats(filled(folder / "tuning.db")).value();
  EXPECT_EQ(stats.measurements, 7);
  EXPECT_EQ(stats.workloads, 2);
  EXPECT_EQ(stats.sessions, 0);
  EXPECT_GT(stats.size_bytes, 4096);
  EXPECT_EQ(stats.by_verdict.at(Verdict::ok), 5);
  EXPECT_EQ(stats.by_verdict.at(Verdict::crash), 1);
  EXPECT_EQ(stats.by_verdict.at(Verdict::timeout), 0);
  ASSERT_EQ(stats.targets.size(), 2U);
  EXPECT_EQ(stats.targets[0].measurements, 4);
  EXPECT_EQ(stats.targets[1].workloads, 2);
  ASSERT_EQ(stats.families.size(), 2U);
  EXPECT_EQ(stats.families[0].family, "matmul");
  EXPECT_EQ(stats.families[0].tried, 5);
  EXPECT_EQ(stats.families[0].ok, 4);
  EXPECT_NEAR(stats.families[0].gain, 4, 1e-12) << "400/200 and 800/100, geometric mean";
  EXPECT_TRUE(std::isnan(stats.families[1].gain));
}

TEST(Stats, PageIsThis) {
  const Folder folder;
  Stats stats = collect_stats(filled(folder / "tuning.db")).value();
  stats.path = "/data/tuning.db";
  stats.size_bytes = 45'056;
  EXPECT_EQ(render(stats),
            "/data/tuning.db\n"
            "  7 measurements, 2 workloads, 0 sessions\n"
            "  45 kB, schema 4, last measurement 2025-03-09 14:05 UTC\n"
            "\n"
            "target                            measured workloads  first seen  last seen \n"
            "amd-avx2-2c                              4         1  2025-01-01  2025-01-01\n"
            "amd-avx512bf16-avx512vnni-amx...         3         2  2025-01-01  2025-01-01\n"
            "\n"
            "verdict                           measured     share\n"
            "ok                                       5    71.4 %\n"
            "wrong_result                             1    14.3 %\n"
            "crash                                    1    14.3 %\n"
            "timeout                                  0     0.0 %\n"
            "out_of_memory                            0     0.0 %\n"
            "compile_error                            0     0.0 %\n"
            "\n"
            "family                           workloads     tried        ok  best vs first\n"
            "matmul                                   1         5         4          4.00x\n"
            "attention                                1         1         0              -\n");
}

TEST(Stats, NoLineIsWiderThanATerminal) {
  Stats stats;
  stats.path = "/data/tuning.db";
  stats.size_bytes = 999'999'999'999;
  stats.measurements = stats.workloads = stats.sessions = 999'999'999;
  stats.last_measured_at = "2025-03-09T14:05:06.123456Z";
  stats.targets.push_back(
      {1, std::string(200, 't'), 999'999'999, 999'999'999, stats.last_measured_at, stats.last_measured_at});
  for (const Verdict verdict : kVerdicts) stats.by_verdict[verdict] = 999'999'999;
  stats.families.push_back({std::string(200, 'f'), 999'999'999, 999'999'999, 999'999'999, 12345.678});
  std::istringstream text(render(stats));
  for (std::string line; std::getline(text, line);) EXPECT_LE(line.size(), 80U) << line;
}

TEST(Stats, JsonHasTheSameNumbers) {
  const Folder folder;
  const Json json = collect_stats(filled(folder / "tuning.db")).value().to_json();
  EXPECT_EQ(json["schema"], 4);
  EXPECT_EQ(json["measurements"], 7);
  EXPECT_EQ(json["verdicts"]["ok"], 5);
  EXPECT_EQ(json["verdicts"].size(), 6U);
  EXPECT_EQ(json["targets"][1]["short_name"], "amd-avx512bf16-avx512vnni-amx-tile-128c");
  EXPECT_EQ(json["families"][0]["tried"], 5);
  EXPECT_TRUE(json["families"][1]["gain"].is_null());
  EXPECT_EQ(json["last_measured_at"], "2025-03-09T14:05:16.000000Z");
}

TEST(Stats, OfNothingSaysWhatToDo) {
  const Folder folder;
  const Stats stats = collect_stats(open(folder / "tuning.db", Mode::read_only_if_there)).value();
  EXPECT_THAT(render(stats), HasSubstr("nntune search MODEL"));
  EXPECT_EQ(stats.to_json()["size_bytes"], 0);
  EXPECT_TRUE(stats.to_json()["last_measured_at"].is_null());
}

}  // namespace
}  // namespace nntune::db
