#include "db/query.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/db/support.h"

namespace nntune::db {
namespace {

using namespace test;
using ::testing::ElementsAre;

class Db : public ::testing::Test {
 protected:
  std::int64_t insert(const Measurement& m) {
    auto id = database.insert_measurement(m);
    EXPECT_TRUE(id) << id.error().message();
    return id.value_or(0);
  }
  std::optional<Measurement> best_of_target() {
    auto row = best(database, target, workload);
    EXPECT_TRUE(row) << row.error().message();
    return row.value_or(std::nullopt);
  }
  Measurement in_program(std::int64_t session, int knob, std::vector<double> samples_ns) {
    Measurement m = measurement(target, knob, std::move(samples_ns));
    m.place = Place::program;
    m.session_id = session;
    return m;
  }
  /// Nine samples within half a percent.
  static std::vector<double> around(double ns) {
    std::vector<double> samples;
    for (const int off : {0, 3, -2, 4, -4, 1, -3, 2, -1}) samples.push_back(ns * (1 + 1e-3 * off));
    return samples;
  }
  Folder folder;
  Database database = open(folder / "tuning.db");
  std::int64_t target = add_target(database);
  Hash128 workload = measurement(target, 0).workload_hash();
};

TEST_F(Db, MeasurementComesBackAsItWasStored) {
  Measurement m = measurement(target, 1, {1000.5, 1.0 / 3, 2e9, 4});
  m.detail = "a \"message\"\nwith \xff bytes";
  m.session_id = database.begin_session({.command = "search", .model = "tiny"}).value();
  const std::int64_t id = insert(m);
  const auto rows = measurements(database).value();
  ASSERT_EQ(rows.size(), 1U);
  const Measurement& row = rows.front();
  EXPECT_EQ(row.id, id);
  EXPECT_EQ(row.target_id, target);
  EXPECT_EQ(row.session_id, m.session_id);
  EXPECT_EQ(row.workload, m.workload);
  EXPECT_EQ(row.workload_hash(), m.workload_hash());
  EXPECT_EQ(row.family, "matmul");
  EXPECT_EQ(row.schedule, m.schedule);
  EXPECT_EQ(row.object_hash, m.object_hash);
  EXPECT_EQ(row.compiler, m.compiler);
  EXPECT_EQ(row.nntune_version, m.nntune_version);
  EXPECT_EQ(row.threads, 2);
  EXPECT_EQ(row.verdict, Verdict::ok);
  EXPECT_EQ(row.samples_ns, m.samples_ns) << "to the last bit";
  EXPECT_EQ(row.median_ns, (4 + 1000.5) / 2);
  EXPECT_EQ(row.min_ns, 1.0 / 3);
  EXPECT_EQ(row.max_error, m.max_error);
  EXPECT_EQ(row.tolerance, m.tolerance);
  EXPECT_EQ(row.dram_read_bytes_per_s, m.dram_read_bytes_per_s);
  EXPECT_EQ(row.seed, 7);
  EXPECT_EQ(row.detail, m.detail);
  EXPECT_EQ(row.created_at.size(), std::string_view("2025-03-09T14:05:06.123456Z").size());
  EXPECT_EQ(row.uid.size(), 32U);
}

TEST_F(Db, FailureIsStoredWithoutTimes) {
  for (const Verdict verdict : kVerdicts) {
    if (verdict != Verdict::ok) insert(failed(target, static_cast<int>(verdict), verdict));
  }
  const auto rows = measurements(database).value();
  ASSERT_EQ(rows.size(), 5U);
  for (const Measurement& row : rows) {
    EXPECT_TRUE(std::isnan(row.median_ns));
    EXPECT_EQ(row.object_hash.has_value(), row.verdict != Verdict::compile_error);
  }
  EXPECT_FALSE(best_of_target());
}

TEST_F(Db, NotANumberAsErrorSurvivesAsNaN) {
  Measurement m = failed(target, 1, Verdict::wrong_result);
  m.max_error = std::nan("");
  insert(m);
  m.schedule = "{\"mr\":2}";
  m.max_error = HUGE_VAL;
  insert(m);
  const auto rows = measurements(database).value();
  EXPECT_TRUE(std::isnan(rows[0].max_error));
  EXPECT_EQ(rows[1].max_error, HUGE_VAL);
}

TEST_F(Db, SameContentTwiceIsOneRow) {
  Measurement m = measurement(target, 1);
  m.created_at = "2025-03-09T14:05:06.123456Z";
  EXPECT_EQ(insert(m), insert(m));
  EXPECT_EQ(count_measurements(database).value(), 1);
  m.created_at = "2025-03-09T14:05:06.123457Z";
  insert(m);
  EXPECT_EQ(count_measurements(database).value(), 2);
}

TEST_F(Db, MeasurementThatMakesNoSenseIsRefused) {
  EXPECT_FALSE(database.insert_measurement(measurement(target, 1, {})));
  EXPECT_FALSE(database.insert_measurement(measurement(target, 1, {1, std::nan("")})));
  EXPECT_FALSE(database.insert_measurement(measurement(target, 1, {0})));
  EXPECT_FALSE(database.insert_measurement(measurement(target + 1, 1)));
  Measurement m = measurement(target, 1);
  m.schedule = "{";
  EXPECT_FALSE(database.insert_measurement(m));
  m = measurement(target, 1);
  m.object_hash.reset();
  EXPECT_FALSE(database.insert_measurement(m));
  m = measurement(target, 1);
  m.environment = "{";
  EXPECT_FALSE(database.insert_measurement(m));
  EXPECT_EQ(count_measurements(database).value(), 0);
  EXPECT_EQ(database.connection().integer("SELECT count(*) FROM workload").value(), 0) << "nothing half-written";
  insert(measurement(target, 1));
}

TEST_F(Db, BestIsNoneWithoutRows) { EXPECT_FALSE(best_of_target()); }

TEST_F(Db, BestIsTheFastestMedian) {
  insert(measurement(target, 1, {2000, 2000, 100}));
  insert(measurement(target, 2, {1500, 1600, 1700}));
  insert(measurement(target, 3, {1800, 1800, 1800}));
  EXPECT_EQ(best_of_target()->schedule, "{\"mr\":2}");
}

TEST_F(Db, BestInTheProgramBeatsBestInAWorker) {
  insert(measurement(target, 1, {100}));
  insert(measurement(target, 2, {110}));
  const auto session = database.begin_session({.command = "search", .model = "tiny"}).value();
  insert(in_program(session, 1, around(150)));
  insert(in_program(session, 2, around(140)));
  const auto best = best_of_target();
  ASSERT_TRUE(best);
  EXPECT_EQ(best->place, Place::program);
  EXPECT_EQ(best->median_ns, 140);
  EXPECT_EQ(ranking(database, target, workload, 5)->front().median_ns, 100) << "the ranking is of workers";
  const auto both = both_places(database, target).value();
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].program_ns + both[1].program_ns, 290);
  EXPECT_EQ(both[0].worker_ns + both[1].worker_ns, 210);
}

TEST_F(Db, ChallengerInTheProgramNeedsConfidence) {
  const auto session = database.begin_session({.command = "search", .model = "tiny"}).value();
  insert(in_program(session, 1, around(150)));
  insert(in_program(session, 2, {100, 100, 100}));
  EXPECT_EQ(best_of_target()->median_ns, 150) << "three samples are luck";
  insert(in_program(session, 3, {148, 153, 147, 152, 149, 151, 148, 152, 149.5}));
  EXPECT_EQ(best_of_target()->median_ns, 150) << "faster by less than the noise";
  insert(in_program(session, 4, around(147)));
  EXPECT_EQ(best_of_target()->median_ns, 147);
  insert(in_program(session, 5, around(130)));
  EXPECT_EQ(best_of_target()->median_ns, 130) << "the fastest of those that are faster";
  EXPECT_EQ(contenders(database, target, workload, 2)->front().median_ns, 130);
}

TEST_F(Db, OnlyTheNewestSessionInTheProgramCounts) {
  // The machine was fast when the first session ran: its times say nothing about those of the second.
  const auto first = database.begin_session({.command = "search", .model = "tiny"}).value();
  const auto second = database.begin_session({.command = "search", .model = "tiny"}).value();
  for (const auto& [knob, ns, session] :
       {std::tuple{1, 50.0, first}, std::tuple{2, 140.0, second}, std::tuple{3, 130.0, second}}) {
    Measurement m = in_program(session, knob, around(ns));
    m.created_at = fmt::format("2025-01-0{}T00:00:00.{:06}Z", session == first ? 1 : 2, knob);
    insert(m);
  }
  EXPECT_EQ(best_of_target()->median_ns, 130);
}

TEST_F(Db, WhatAHiddenSessionMeasuredIsSeenByNoQueryAndKept) {
  Measurement hidden = measurement(target, 1, {500, 501, 502});
  hidden.session_id = database.begin_session({.command = "search", .model = "tiny"}).value();
  insert(hidden);
  insert(measurement(target, 2, {1000, 1001, 1002}));

  ASSERT_TRUE(database.hide_sessions(std::vector{*hidden.session_id}));
  EXPECT_EQ(best_of_target()->schedule, measurement(target, 2).schedule);
  EXPECT_EQ(tried(database, target, workload)->size(), 1U);
  EXPECT_EQ(count_measurements(database), 1);
  // Storing goes on, in either session, and others see everything.
  insert(measurement(target, 3, {1100, 1101, 1102}));
  Measurement more = hidden;
  more.schedule = measurement(target, 4).schedule;
  insert(more);
  EXPECT_EQ(count_measurements(database), 2);
  EXPECT_EQ(count_measurements(open(folder / "tuning.db", Mode::read_only)), 4);

  ASSERT_TRUE(database.hide_sessions({}));
  EXPECT_EQ(best_of_target()->median_ns, 501);
  EXPECT_EQ(count_measurements(database), 4);
}

TEST_F(Db, BestIsNeverAFailure) {
  Measurement wrong = measurement(target, 1, {10});
  wrong.verdict = Verdict::wrong_result;
  insert(wrong);
  insert(measurement(target, 2, {500}));
  EXPECT_EQ(best_of_target()->schedule, "{\"mr\":2}");
}

TEST_F(Db, BestIgnoresOtherTargetsAndWorkloads) {
  insert(measurement(target, 1, {500}));
  insert(measurement(add_target(database, "other-avx512-8c"), 2, {100}));
  Measurement other = measurement(target, 3, {50});
  other.workload = "matmul(f32[2,1024],bf16[1024,1024])->f32[2,1024] past=0 t=2";
  insert(other);
  EXPECT_EQ(best_of_target()->schedule, "{\"mr\":1}");
}

TEST_F(Db, NewestMeasurementOfAScheduleCounts) {
  insert(measurement(target, 1, {100}));
  insert(measurement(target, 2, {500}));
  insert(measurement(target, 1, {900}));
  EXPECT_EQ(best_of_target()->schedule, "{\"mr\":2}") << "the first sample was luck";
  insert(failed(target, 2, Verdict::crash));
  EXPECT_EQ(best_of_target()->schedule, "{\"mr\":1}") << "what crashes now is not used";
}

TEST_F(Db, NearTiesResolveTheSameWayInEveryOrderOfArrival) {
  std::vector<Measurement> rows;
  for (int knob = 0; knob < 6; ++knob) {
    rows.push_back(measurement(target, knob, {1000.0 + knob}));  // all within 1 %
    rows.back().created_at = "2025-03-09T14:05:06.00000" + std::to_string(knob) + "Z";
  }
  rows.push_back(measurement(target, 100, {1011}));  // just outside, whatever its hash
  rows.back().created_at = "2025-03-09T14:05:07.000000Z";
  const auto lowest = std::min_element(rows.begin(), rows.end() - 1,
                                       [](const auto& a, const auto& b) { return a.schedule_hash() < b.schedule_hash(); });
  const std::string expected = lowest->schedule;
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.schedule < b.schedule; });
  int order = 0;
  do {
    Database other = open(folder / ("order" + std::to_string(order) + ".db").c_str());
    add_target(other);
    for (const Measurement& row : rows) ASSERT_TRUE(other.insert_measurement(row));
    EXPECT_EQ(best(other, 1, workload).value()->schedule, expected);
    std::rotate(rows.begin(), rows.begin() + 1, rows.end());
  } while (++order < 7);
}

TEST_F(Db, RankingIsByMedianWithOneRowASchedule) {
  for (const int knob : {3, 1, 2}) insert(measurement(target, knob, {100.0 * knob}));
  insert(measurement(target, 1, {1000}));
  insert(failed(target, 4, Verdict::timeout));
  const auto rows = ranking(database, target, workload, 2).value();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].schedule, "{\"mr\":2}");
  EXPECT_EQ(rows[1].schedule, "{\"mr\":3}");
}

TEST_F(Db, TriedKnowsEveryScheduleAndItsVerdict) {
  insert(measurement(target, 1, {100}));
  insert(failed(target, 2, Verdict::crash));
  insert(failed(target, 3, Verdict::compile_error));
  const auto known = tried(database, target, workload).value();
  ASSERT_EQ(known.size(), 3U);
  EXPECT_EQ(known.at(hash128("{\"mr\":1}")).verdict, Verdict::ok);
  EXPECT_EQ(known.at(hash128("{\"mr\":1}")).median_ns, 100);
  EXPECT_EQ(known.at(hash128("{\"mr\":1}")).object_hash, hash128("code 1"));
  EXPECT_EQ(known.at(hash128("{\"mr\":2}")).verdict, Verdict::crash);
  EXPECT_FALSE(known.at(hash128("{\"mr\":3}")).object_hash);
}

TEST_F(Db, FilterRestrictsByEachField) {
  const std::int64_t other = add_target(database, "other");
  const std::int64_t session = database.begin_session({.command = "search", .model = "tiny"}).value();
  insert(measurement(target, 1));
  Measurement m = measurement(other, 2);
  m.session_id = session;
  insert(m);
  m = measurement(other, 3);
  m.family = "attention";
  m.workload = "attention";
  insert(m);
  EXPECT_EQ(count_measurements(database).value(), 3);
  EXPECT_EQ(count_measurements(database, {.target_id = other}).value(), 2);
  EXPECT_EQ(count_measurements(database, {.workload_hash = workload}).value(), 2);
  EXPECT_EQ(count_measurements(database, {.family = "attention"}).value(), 1);
  EXPECT_EQ(count_measurements(database, {.session_id = session}).value(), 1);
  EXPECT_EQ(measurements(database, {.target_id = other, .family = "matmul"}).value().size(), 1U);
}

TEST_F(Db, MeasurementIsFoundByIdOrTheBeginningOfItsUid) {
  insert(measurement(target, 1));
  insert(measurement(target, 2));
  const auto rows = measurements(database).value();
  for (const Measurement& row : rows) {
    EXPECT_EQ(find_measurement(database, std::to_string(row.id)).value().uid, row.uid);
    EXPECT_EQ(find_measurement(database, row.uid).value().id, row.id);
    EXPECT_EQ(find_measurement(database, row.uid.substr(0, 12)).value().id, row.id);
  }
  for (const char* id : {"", "0", "3", "-1", "x", "abc", "99999999999999999999", "1 OR 1=1", "%", "____"}) {
    EXPECT_EQ(find_measurement(database, id).error().kind, ErrorKind::bad_input) << id;
  }
  ASSERT_TRUE(database.connection().execute("UPDATE measurement SET uid = 'abcd' || id"));
  EXPECT_EQ(find_measurement(database, "abcd2").value().id, 2);
  EXPECT_NE(message(find_measurement(database, "abcd")).find("more than one"), std::string::npos);
}

TEST_F(Db, ContendersBeginWithTheBestAndGoOnByMedian) {
  EXPECT_TRUE(contenders(database, target, workload, 5).value().empty());
  for (const int knob : {1, 2, 3, 4}) insert(measurement(target, knob, {1000.0 * knob}));
  // A tie with the fastest, which the lower schedule hash wins.
  insert(measurement(target, 5, {1001}));
  insert(failed(target, 6, Verdict::crash));
  const auto rows = contenders(database, target, workload, 4).value();
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].id, best(database, target, workload).value()->id);
  EXPECT_EQ(rows[0].median_ns + rows[1].median_ns, 2001);
  EXPECT_EQ(rows[2].median_ns, 2000);
  EXPECT_EQ(rows[3].median_ns, 3000);
  EXPECT_EQ(workloads(database).value().size(), 1U);
}

TEST_F(Db, SessionTellsItsEnd) {
  const std::int64_t killed =
      database.begin_session({.command = "search", .model = "a", .threads = 2, .budget_s = 180}).value();
  const std::int64_t done = database.begin_session({.command = "search", .model = "b", .target_id = target}).value();
  ASSERT_TRUE(database.end_session(done, Outcome::done, Throughput{10, 2, 512}, Throughput{100, 20, 512}, 0.25));
  EXPECT_FALSE(database.end_session(done + 1, Outcome::done, {}, {}, 0));
  const auto rows = sessions(database).value();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].id, done) << "newest first";
  EXPECT_EQ(rows[0].outcome, Outcome::done);
  EXPECT_EQ(rows[0].start->decode_tok_per_s, 2);
  EXPECT_EQ(rows[0].result->prefill_tok_per_s, 100);
  EXPECT_EQ(rows[0].result->decode_context, 512);
  EXPECT_EQ(rows[0].other_load_cores, 0.25);
  EXPECT_FALSE(rows[1].other_load_cores) << "it was killed";
  EXPECT_EQ(rows[0].target_id, target);
  EXPECT_GE(rows[0].ended_at, rows[0].started_at);
  EXPECT_EQ(rows[1].id, killed);
  EXPECT_FALSE(rows[1].outcome);
  EXPECT_EQ(rows[1].budget_s, 180);
  EXPECT_TRUE(rows[1].ended_at.empty());
}

TEST(Records, EveryVerdictReadsBack) {
  for (const Verdict verdict : kVerdicts) EXPECT_EQ(verdict_from_string(to_string(verdict)).value(), verdict);
  EXPECT_FALSE(verdict_from_string("fine"));
}

TEST(Records, HashReadsBackFromHex) {
  EXPECT_EQ(hash_from_hex(hash128("x").hex()).value(), hash128("x"));
  EXPECT_FALSE(hash_from_hex("12"));
  EXPECT_FALSE(hash_from_hex(std::string(31, '0') + "g"));
}

}  // namespace
}  // namespace nntune::db
