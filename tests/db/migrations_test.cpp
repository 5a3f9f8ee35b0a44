#include "db/migrations.h"

#include <gmock/gmock.h>

#include <thread>

#include "db/schema.h"
#include "tests/db/support.h"

namespace nntune::db {
namespace {

using namespace test;
using ::testing::HasSubstr;

std::unique_ptr<sqlite::Connection> connect(const fs::path& path) {
  return std::move(*sqlite::Connection::open(path.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, path));
}

std::int64_t version(sqlite::Connection& connection) { return connection.integer("PRAGMA user_version").value(); }

TEST(Migrations, AreAscendingWithoutAGap) {
  int expected = 1;
  for (const Migration& step : migrations()) EXPECT_EQ(step.version, expected++);
}

TEST(Migrations, RunOnlyWhatIsMissingAndKeepTheRows) {
  const Folder folder;
  const Migration list[] = {
      {1, "CREATE TABLE a (x)"}, {2, "ALTER TABLE a ADD COLUMN y DEFAULT 5"}, {3, "CREATE TABLE b (x)"}};
  auto connection = connect(folder / "x.db");
  ASSERT_TRUE(migrate(*connection, std::span(list, 1)));
  ASSERT_TRUE(connection->execute("INSERT INTO a VALUES (7)"));
  ASSERT_TRUE(migrate(*connection, list));
  EXPECT_EQ(version(*connection), 3);
  EXPECT_EQ(connection->integer("SELECT x * 10 + y FROM a").value(), 75);
  ASSERT_TRUE(migrate(*connection, list)) << "nothing to do";
}

TEST(Migrations, FailedStepLeavesTheOldSchema) {
  const Folder folder;
  const Migration list[] = {{1, "CREATE TABLE a (x)"}, {2, "CREATE TABLE b (x)"}, {3, "CREATE TABLE a (x)"}};
  auto connection = connect(folder / "x.db");
  ASSERT_TRUE(migrate(*connection, std::span(list, 1)));
  EXPECT_FALSE(migrate(*connection, list));
  EXPECT_FALSE(connection->in_transaction());
  EXPECT_EQ(version(*connection), 1);
  EXPECT_EQ(connection->integer("SELECT count(*) FROM sqlite_schema WHERE name = 'b'").value(), 0);
}

TEST(Migrations, RefuseVersionsTheyDoNotKnow) {
  const Folder folder;
  auto connection = connect(folder / "x.db");
  ASSERT_TRUE(connection->execute("PRAGMA user_version = 2"));
  const Migration list[] = {{1, "CREATE TABLE a (x)"}};
  EXPECT_THAT(message(migrate(*connection, list)), HasSubstr("upgrade nntune"));
  ASSERT_TRUE(connection->execute("PRAGMA user_version = -1"));
  EXPECT_THAT(message(migrate(*connection, list)), HasSubstr("impossible schema -1"));
}

TEST(Migrations, ManyAtOnceRunEachStepOnce) {
  const Folder folder;
  std::vector<std::thread> threads;
  std::vector<std::string> messages(8);
  for (std::string& text : messages) {
    threads.emplace_back([&] { text = message(Database::open(folder / "tuning.db", Mode::read_write)); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : messages) EXPECT_EQ(text, "no error");
}

/// Rows as nntune 0.1 wrote them. Never edit: every later nntune must read them.
constexpr const char* kRowsOfSchema1 = R"sql(
INSERT INTO target VALUES (1, 't1', 'amd-avx2-2c', '{}', '{}', '2025-03-09T14:05:06.123456Z', '2025-03-09T14:05:06.123456Z');
INSERT INTO workload VALUES ('0123456789abcdef0123456789abcdef', 'w');
INSERT INTO session VALUES (1, 's1', 'search', 'tiny', '--budget 3m', 1, 2, 180.0, '0.1.0', '2025-03-09T14:05:06.123456Z', NULL, NULL,
                            NULL, NULL, NULL, NULL);
INSERT INTO measurement VALUES (1, 'm1', 1, 1, '0123456789abcdef0123456789abcdef', 'matmul', '{"mr":1}',
                                'fedcba9876543210fedcba9876543210', '00112233445566778899aabbccddeeff', 'llvm 19.1.7', '0.1.0', 2, 'ok',
                                '[3.0,1.0,2.0]', 2.0, 1.0, 0.0, 0.001, 2e10, 7, '', '2025-03-09T14:05:06.123456Z');
)sql";

/// The same target, workload and session, without the measurement.
const std::string kNoMeasurementYet =
    std::string(kRowsOfSchema1).substr(0, std::string(kRowsOfSchema1).find("INSERT INTO measurement"));

TEST(Migrations, RowsOfSchema1AreStillRead) {
  const Folder folder;
  {
    auto connection = connect(folder / "tuning.db");
    ASSERT_TRUE(migrate(*connection, migrations().first(1)));
    ASSERT_TRUE(connection->execute(kRowsOfSchema1));
  }
  const Database database = open(folder / "tuning.db");
  const auto rows = measurements(database).value();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].median_ns, 2.0);
  EXPECT_EQ(best(database, 1, hash_from_hex("0123456789abcdef0123456789abcdef").value()).value()->uid, "m1");
  EXPECT_EQ(rows[0].place, Place::worker);
  EXPECT_EQ(rows[0].environment, "") << "not known";
  EXPECT_EQ(sessions(database).value().size(), 1U);
}

/// A row as nntune wrote it when it had schema 2. Never edit.
constexpr const char* kRowOfSchema2 = R"sql(
INSERT INTO measurement VALUES (2, 'm2', 1, 1, '0123456789abcdef0123456789abcdef', 'matmul', '{"mr":2}',
                                'fedcba9876543210fedcba9876543211', '00112233445566778899aabbccddeeff', 'llvm 19.1.7', '0.1.0', 2, 'ok',
                                '[5.0,4.0,6.0]', 5.0, 4.0, 0.0, 0.001, 2e10, 7, '', '2025-04-09T14:05:06.123456Z', 'program');
)sql";

TEST(Migrations, RowsOfSchema2AreStillReadAndNewOnesStandBesideThem) {
  const Folder folder;
  {
    auto connection = connect(folder / "tuning.db");
    ASSERT_TRUE(migrate(*connection, migrations().first(2)));
    ASSERT_TRUE(connection->execute(kNoMeasurementYet));
    ASSERT_TRUE(connection->execute(kRowOfSchema2));
  }
  Database database = open(folder / "tuning.db");
  EXPECT_EQ(version(database.connection()), schema_version());
  auto rows = measurements(database).value();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].place, Place::program);
  EXPECT_EQ(rows[0].environment, "");
  Measurement fresh = measurement(1, 7);
  fresh.environment = R"({"load_average":0.5})";
  ASSERT_TRUE(database.insert_measurement(fresh));
  rows = measurements(database).value();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].environment, fresh.environment);
}

/// A session as nntune wrote it when it had schema 3. Never edit.
constexpr const char* kSessionOfSchema3 = R"sql(
INSERT INTO session VALUES (2, 's2', 'search', 'tiny', '--budget 3m', 1, 2, 180.0, '0.1.0', '2025-05-09T14:05:06.123456Z',
                            '2025-05-09T14:08:06.123456Z', 'done', 10.0, 2.0, 100.0, 20.0);
)sql";

TEST(Migrations, SessionsOfSchema3AreStillReadAndNewOnesStandBesideThem) {
  const Folder folder;
  {
    auto connection = connect(folder / "tuning.db");
    ASSERT_TRUE(migrate(*connection, migrations().first(3)));
    ASSERT_TRUE(connection->execute(kNoMeasurementYet));
    ASSERT_TRUE(connection->execute(kSessionOfSchema3));
  }
  Database database = open(folder / "tuning.db");
  EXPECT_EQ(version(database.connection()), schema_version());
  const std::int64_t id = database.begin_session({.command = "search", .model = "new", .target_id = 1}).value();
  ASSERT_TRUE(database.end_session(id, Outcome::done, Throughput{10, 2, 512}, Throughput{100, 20, 512}, 0.02));
  const auto all = sessions(database).value();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].model, "new");
  EXPECT_EQ(all[0].start->decode_context, 512);
  EXPECT_EQ(all[0].other_load_cores, 0.02);
  EXPECT_EQ(all[1].result->decode_tok_per_s, 20);
  EXPECT_EQ(all[1].result->decode_context, 0) << "not known";
  EXPECT_FALSE(all[1].other_load_cores);
}

TEST(Schema, RefusesRowsThatMakeNoSense) {
  const Folder folder;
  {
    auto connection = connect(folder / "tuning.db");
    ASSERT_TRUE(migrate(*connection, migrations().first(1)));
    ASSERT_TRUE(connection->execute(kRowsOfSchema1));
  }
  Database database = open(folder / "tuning.db");
  for (const char* change : {"verdict = 'fine'", "samples_ns = '[1,'", "schedule_json = 'x'", "median_ns = NULL",
                             "threads = 0", "object_hash = 'short'", "target_id = 9", "workload_hash = 'unknown'",
                             "median_ns = 'fast'", "place = 'moon'", "environment = '{'"}) {
    EXPECT_FALSE(database.connection().execute(std::string("UPDATE measurement SET ") + change)) << change;
  }
  EXPECT_TRUE(database.connection().execute("UPDATE measurement SET verdict = 'crash', median_ns = NULL, min_ns = NULL"));
}

}  // namespace
}  // namespace nntune::db
