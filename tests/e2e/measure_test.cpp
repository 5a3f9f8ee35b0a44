// `nntune measure selftest`, `nntune repro` and `nntune why` from outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <vector>

#include "base/json.h"
#include "base/target.h"
#include "compiler/kernels/family.h"
#include "db/database.h"
#include "db/query.h"
#include "tests/e2e/process.h"

namespace nntune::e2e {
namespace {

using db::Measurement;
using db::Verdict;
using schedule::Workload;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

Workload small_matmul(int threads = 1, std::int64_t rows = 1) {
  using graph::DType;
  return Workload::make(graph::matmul(), {{DType::f32, {rows, 256}, {}}, {DType::f32, {256, 256}, {{0, 32}}}}, 0, threads)
      .value();
}

/// A database of this machine with rows that a search may have left.
class Measured : public ::testing::Test {
 protected:
  void SetUp() override {
    target_ = probe_target().value();
    database_.emplace(db::Database::open(path(), db::Mode::read_write).value());
    target_id_ = database_->record_target(target_).value();
  }
  std::string path() const { return (folder_ / "tuning.db").string(); }
  std::string db() const { return " --db " + path(); }

  Measurement row(const Workload& workload, std::vector<double> samples_ns) const {
    Measurement m;
    m.target_id = target_id_;
    m.workload = workload.text();
    m.family = workload.family();
    m.schedule = kernels::default_schedule(workload, target_).value().text();
    m.object_hash = hash128("code");
    m.compiler = "llvm";
    m.nntune_version = "test";
    m.threads = workload.threads;
    m.samples_ns = std::move(samples_ns);
    m.seed = static_cast<std::int64_t>(workload.hash().low);
    return m;
  }
  std::int64_t insert(const Measurement& m) { return database_->insert_measurement(m).value(); }

  TemporaryFolder folder_;
  Target target_;
  std::optional<db::Database> database_;
  std::int64_t target_id_ = 0;
};

TEST(MeasureCommand, SelftestEndsWithBothRates) {
  const Result result = run_nntune("measure selftest --duels 2");
  const auto lines = lines_of(result.out);
  ASSERT_GE(lines.size(), 4U) << result.err;
  EXPECT_THAT(lines[lines.size() - 2], StartsWith("twins told apart: "));
  EXPECT_THAT(lines.back(), StartsWith("3 % slower found: "));
  const bool fine = result.out.find("FAILED") == std::string::npos;
  EXPECT_EQ(result.exit_code, fine ? 0 : 1) << result.out;
  for (const std::string& line : lines) EXPECT_LE(line.size(), 80U) << line;
}

TEST(MeasureCommand, SelftestAsJsonSaysTheSameAsItsExitCode) {
  const Result result = run_nntune("measure selftest --duels 2 --json");
  const auto json = parse_json(result.out, "stdout");
  ASSERT_TRUE(json) << result.out << result.err;
  EXPECT_EQ(result.exit_code, json->at("ok").get<bool>() ? 0 : 1);
  EXPECT_EQ(json->at("conditions").size(), 2U) << "two duels, one under each of two conditions";
  for (const char* rate : {"twins_told_apart", "slowed_found"}) {
    EXPECT_GE(json->at(rate).get<double>(), 0);
    EXPECT_LE(json->at(rate).get<double>(), 1);
  }
}

TEST(MeasureCommand, WrongUsageIsOneLine) {
  for (const char* arguments : {"measure", "measure drop", "measure selftest more", "measure selftest --duels 0",
                                "measure selftest --duels many", "repro", "repro 1 2", "why", "why a b", "why a --fast"}) {
    const Result result = run_nntune(arguments);
    EXPECT_EQ(result.exit_code, 2) << arguments;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

TEST_F(Measured, ReproMeasuresAgain) {
  const std::int64_t id = insert(row(small_matmul(), {5000, 6000, 7000}));
  const Result text = run_nntune("repro " + std::to_string(id) + db());
  EXPECT_EQ(text.exit_code, 0) << text.out << text.err;
  EXPECT_THAT(text.out, HasSubstr("reproduced: the same verdict"));
  EXPECT_THAT(text.out, HasSubstr("6.00 us"));
  for (const std::string& line : lines_of(text.out)) EXPECT_LE(line.size(), 80U) << line;

  const std::string uid = db::find_measurement(*database_, std::to_string(id)).value().uid;
  const Result by_uid = run_nntune("repro " + uid.substr(0, 12) + " --json" + db());
  const auto json = parse_json(by_uid.out, "stdout");
  ASSERT_TRUE(json) << by_uid.out << by_uid.err;
  EXPECT_EQ(json->at("id"), id);
  EXPECT_EQ(json->at("reproduced"), true);
  EXPECT_EQ(json->at("same_code"), false) << "the row's hash is made up";
  EXPECT_EQ(json->at("same_inputs"), true);
  EXPECT_EQ(json->at("same_target"), true);
  EXPECT_GT(json->at("now").at("median_ns").get<double>(), 0);
  EXPECT_EQ(db::count_measurements(*database_).value(), 1) << "it stores nothing";
}

TEST_F(Measured, ReproOfWhatFailsIsTheSameVerdictAndFine) {
  Measurement bad = row(small_matmul(), {});
  bad.schedule = R"({"no_such_knob":1})";
  bad.verdict = Verdict::compile_error;
  bad.object_hash.reset();
  const Result compile_error = run_nntune("repro " + std::to_string(insert(bad)) + db());
  EXPECT_EQ(compile_error.exit_code, 0) << compile_error.out << compile_error.err;
  EXPECT_THAT(compile_error.out, HasSubstr("no_such_knob"));

  // 64 TB of weights: its worker dies, the command does not.
  using graph::DType;
  const Workload huge =
      Workload::make(graph::matmul(), {{DType::f32, {1, 1 << 20}, {}}, {DType::f32, {1 << 24, 1 << 20}, {{0, 32}}}}, 0, 1)
          .value();
  Measurement dead = row(huge, {});
  dead.verdict = Verdict::out_of_memory;
  const Result result = run_nntune("repro " + std::to_string(insert(dead)) + db());
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("reproduced: the same verdict"));
}

TEST_F(Measured, ReproOfACrashThatDoesNotComeBackFails) {
  Measurement crash = row(small_matmul(), {});
  crash.verdict = Verdict::crash;
  crash.detail = "SIGSEGV";
  const Result result = run_nntune("repro " + std::to_string(insert(crash)) + db());
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("not reproduced: another verdict"));
  EXPECT_THAT(result.out, HasSubstr("then: SIGSEGV"));
}

TEST_F(Measured, UnknownMeasurementIsOneLine) {
  for (const char* id : {"17", "abcdef0123", "x", "''", "-1"}) {
    const Result result = run_nntune("repro" + db() + " -- " + id);
    EXPECT_EQ(result.exit_code, 1) << id << result.out;
    EXPECT_THAT(result.err, HasSubstr("there is no measurement")) << id;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

TEST_F(Measured, WhyComparesIncumbentAndRunnerUp) {
  const Workload workload = small_matmul();
  Measurement fast = row(workload, {});
  Measurement slow = row(workload, {});
  slow.schedule = R"({"other":1})";
  for (int i = 0; i < 20; ++i) {
    fast.samples_ns.push_back(1000 + i);
    slow.samples_ns.push_back(1300 + i);
  }
  const std::int64_t incumbent = insert(fast);
  const std::int64_t runner_up = insert(slow);
  Measurement bad = row(workload, {});
  bad.schedule = R"({"third":1})";
  bad.verdict = Verdict::crash;
  insert(bad);

  const Result result = run_nntune("why " + workload.hash().hex().substr(0, 10) + " --json" + db());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json["source"], "measured");
  EXPECT_EQ(json["incumbent"]["id"], incumbent);
  EXPECT_EQ(json["runner_up"]["id"], runner_up);
  EXPECT_EQ(json["incumbent"]["median_ns"], 1009.5);
  EXPECT_LE(json["incumbent"]["interval_ns"][0].get<double>(), 1009.5);
  EXPECT_GE(json["incumbent"]["interval_ns"][1].get<double>(), 1009.5);
  EXPECT_NEAR(json["ratio"]["ratio"].get<double>(), 1309.5 / 1009.5, 1e-9);
  EXPECT_EQ(json["ratio"]["runner_up_is"], "slower");
  EXPECT_EQ(json["ratio"]["by_pairs"], false);
  EXPECT_EQ(json["tried"]["ok"], 2);
  EXPECT_EQ(json["tried"]["crash"], 1);

  for (const std::string& name : {workload.text(), std::string("matmul 256->256 f32<0:32>")}) {
    const Result text = run_nntune("why '" + name + "'" + db());
    EXPECT_EQ(text.exit_code, 0) << text.err;
    EXPECT_THAT(text.out, HasSubstr("the runner-up is slower")) << name;
    for (const std::string& line : lines_of(text.out)) EXPECT_LE(line.size(), 80U) << line;
  }
}

TEST_F(Measured, WhyPairsWhatTookTurnsInAProgram) {
  const Workload workload = small_matmul();
  const std::int64_t session = database_->begin_session({.command = "search", .model = "tiny"}).value();
  Measurement first = row(workload, {});
  Measurement second = row(workload, {});
  second.schedule = R"({"other":1})";
  for (int i = 0; i < 20; ++i) {
    const double mode = i % 2 == 0 ? 1 : 2;  // medians alone could come from different modes
    first.samples_ns.push_back(1000 * mode);
    second.samples_ns.push_back(1100 * mode);
  }
  for (Measurement* each : {&first, &second}) {
    each->place = db::Place::program;
    each->session_id = session;
    insert(*each);
  }
  const Json json = Json::parse(run_nntune("why '" + workload.text() + "' --json" + db()).out);
  EXPECT_EQ(json["ratio"]["by_pairs"], true);
  EXPECT_NEAR(json["ratio"]["ratio"].get<double>(), 1.1, 1e-9);
  EXPECT_EQ(json["incumbent"]["place"], "program");
}

TEST_F(Measured, WhyOfWhatWasNotMeasuredIsAnEstimate) {
  const Result result = run_nntune("why '" + small_matmul(1, 8).text() + "'" + db());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("not measured on this kind of machine"));
  EXPECT_THAT(result.out, HasSubstr("estimate of the default schedule"));
}

TEST_F(Measured, WhyOfManyOrNoneIsOneLine) {
  insert(row(small_matmul(), {1000}));
  insert(row(small_matmul(1, 4), {4000}));
  const Result many = run_nntune("why 'matmul 256->256 f32<0:32>'" + db());
  EXPECT_EQ(many.exit_code, 1);
  EXPECT_THAT(many.err, HasSubstr("names 2 workloads"));
  EXPECT_THAT(many.err, HasSubstr(small_matmul().hash().hex().substr(0, 8)));
  for (const char* name : {"nothing", "0000000000", "''", "'matmul{}('"}) {
    const Result none = run_nntune(std::string("why ") + name + db());
    EXPECT_EQ(none.exit_code, 1) << name;
    EXPECT_THAT(none.err, HasSubstr("there is no workload")) << name;
    EXPECT_EQ(std::count(none.err.begin(), none.err.end(), '\n'), 1) << none.err;
  }
}

}  // namespace
}  // namespace nntune::e2e
