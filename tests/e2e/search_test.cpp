// `nntune search` from outside: its events, what it leaves in the database, Ctrl-C, kill -9, and going on afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <sstream>
#include <thread>
#include <vector>

#include "base/json.h"
#include "db/database.h"
#include "db/query.h"
#include "tests/e2e/process.h"

namespace nntune::e2e {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

std::vector<Json> events(const std::string& out) {
  std::vector<Json> result;
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) result.push_back(Json::parse(line));
  return result;
}

std::int64_t stored(const std::filesystem::path& path) {
  const auto database = db::Database::open(path, db::Mode::read_only);
  EXPECT_TRUE(database) << database.error().message();
  return database ? db::count_measurements(*database).value_or(-1) : -1;
}

/// A search that runs in the background, its output in `folder`.
class Running {
 public:
  Running(const TemporaryFolder& folder, const std::string& arguments) : folder_(folder) {
    pid_ = fork();
    if (pid_ == 0) {
      const std::string command = "exec " + test_support::nntune_binary() + " " + arguments + " </dev/null >" +
                                  (folder / "out").string() + " 2>" + (folder / "err").string();
      execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      _exit(127);
    }
  }
  /// Until the database holds `measurements`.
  bool wait_for(const std::filesystem::path& db, std::int64_t measurements) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(3);
    while (std::chrono::steady_clock::now() < deadline) {
      if (std::filesystem::exists(db) && stored(db) >= measurements) return true;
      std::this_thread::sleep_for(milliseconds(50));
    }
    return false;
  }
  /// Seconds until it ended after `signal`.
  double end(int signal) {
    const auto begin = std::chrono::steady_clock::now();
    kill(pid_, signal);
    waitpid(pid_, &status_, 0);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  int exit_code() const { return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_); }
  std::string out() const { return read_all(folder_ / "out"); }
  std::string err() const { return read_all(folder_ / "err"); }

 private:
  const TemporaryFolder& folder_;
  pid_t pid_ = -1;
  int status_ = 0;
};

TEST(Search, TunesTheTinyModelTellsSoInEventsAndResumes) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const TemporaryFolder folder;
  const std::string db = (folder / "tuning.db").string();
  const Result first = run_nntune("search " + model + " --trials 24 --json --db " + db);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  const auto all = events(first.out);
  ASSERT_FALSE(all.empty());
  const Json& done = all.back();
  EXPECT_EQ(done["event"], "done");
  for (const char* when : {"start", "result"}) {
    EXPECT_GT(done[when]["prefill"].get<double>(), 0) << when;
    EXPECT_GT(done[when]["decode"].get<double>(), 0) << when;
  }
  EXPECT_EQ(done["decode_context"], 512);
  EXPECT_GE(done["other_load_cores"].get<double>(), 0);
  EXPECT_EQ(done["reused"], 0);
  const auto measured = done["measurements"].get<std::int64_t>();
  EXPECT_GE(measured, 24);
  EXPECT_EQ(stored(db), measured);
  {
    const auto database = db::Database::open(db, db::Mode::read_only);
    ASSERT_TRUE(database);
    const auto sessions = db::sessions(*database);
    ASSERT_TRUE(sessions);
    EXPECT_EQ(sessions->front().result->decode_context, 512);
    EXPECT_EQ(sessions->front().other_load_cores, done["other_load_cores"].get<double>());
    const auto rows = db::measurements(*database);
    ASSERT_TRUE(rows) << rows.error().message();
    for (const db::Measurement& row : *rows) {
      const Json environment = Json::parse(row.environment);
      EXPECT_TRUE(environment["other_load_cores"].is_number()) << row.environment;
    }
  }

  const Result second = run_nntune("search " + model + " --trials 8 --db " + db);
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(second.out, "");
  EXPECT_THAT(second.err, HasSubstr("measurements of earlier sessions are reused"));
  EXPECT_THAT(second.err, HasSubstr("measured tok/s: prefill"));

  // What was measured is what is compiled, the same bytes twice.
  const Result explain = run_nntune("explain " + model + " --json --db " + db);
  ASSERT_EQ(explain.exit_code, 0) << explain.err;
  EXPECT_THAT(explain.out, HasSubstr("\"measured\""));
  for (const char* name : {"a.nnm", "b.nnm"}) {
    ASSERT_EQ(run_nntune("compile " + model + " -o " + (folder / name).string() + " --db " + db).exit_code, 0);
  }
  EXPECT_TRUE(read_all(folder / "a.nnm") == read_all(folder / "b.nnm"));
}

TEST(Search, SaysThatAnotherProcessTookTimeAndSoDoesWhatIsMadeOfIt) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const TemporaryFolder folder;
  const std::string db = (folder / "tuning.db").string();
  const pid_t busy = fork();  // no child of the search
  if (busy == 0) {
    for (volatile bool on = true; on;) {
    }
  }
  const Result result = run_nntune("search " + model + " --trials 8 --json --db " + db);
  const Result bench = run_nntune("bench " + model + " -p 0 -n 64 -r 3 -o json --db " + db);
  kill(busy, SIGKILL);
  waitpid(busy, nullptr, 0);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto all = events(result.out);
  EXPECT_GE(all.back()["other_load_cores"].get<double>(), 0.1);
  ASSERT_EQ(bench.exit_code, 0) << bench.err;
  EXPECT_GE(Json::parse(bench.out)[0]["other_load_cores"].get<double>(), 0.1);
  EXPECT_THAT(bench.err, HasSubstr("other processes took "));
  const Result explain = run_nntune("explain " + model + " --brief --db " + db);
  EXPECT_THAT(explain.out, HasSubstr("other processes took "));
  const Result compile = run_nntune("compile " + model + " -o " + (folder / "m.nnm").string() + " --db " + db);
  EXPECT_THAT(compile.out, HasSubstr("other processes took "));
}

TEST(Search, ComparesWithProgramsThatLackAFamilyOfRules) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const TemporaryFolder folder;
  const Result result = run_nntune("search " + model + " --trials 2 --ablate nothing,fusion,pipeline --json --db " +
                                   (folder / "t.db").string());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto all = events(result.out);
  int searches = 0;
  for (const Json& event : all) {
    if (event["event"] != "done") continue;
    ++searches;
    EXPECT_EQ(event["reused"], 0) << "what another of the searches measured";
  }
  EXPECT_EQ(searches, 4);
  ASSERT_EQ(all.back()["event"], "ablations");
  const Json& rows = all.back()["ablations"];
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0]["without"], "nothing");
  EXPECT_EQ(rows[1]["without"], "fusion");
  EXPECT_EQ(rows[2]["without"], "pipeline");
  for (const Json& row : rows) {
    for (const char* phase : {"prefill", "decode", "request"}) {
      EXPECT_GT(row[phase]["low"].get<double>(), 0);
      EXPECT_LE(row[phase]["low"].get<double>(), row[phase]["ratio"].get<double>());
      EXPECT_LE(row[phase]["ratio"].get<double>(), row[phase]["high"].get<double>());
    }
  }
}

TEST(Search, NoScheduleIsMeasuredTwiceInAWorkerAndTheBestAgainInTheProgram) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const TemporaryFolder folder;
  const std::string db = (folder / "tuning.db").string();
  for (int session = 0; session < 2; ++session) {
    ASSERT_EQ(run_nntune("search " + model + " --trials 16 --db " + db).exit_code, 0);
  }
  const auto database = db::Database::open(db, db::Mode::read_only);
  ASSERT_TRUE(database);
  const auto rows = db::measurements(*database);
  ASSERT_TRUE(rows);
  std::map<std::string, int> in_worker;
  int in_program = 0;
  for (const db::Measurement& row : *rows) {
    if (row.place == db::Place::worker) ++in_worker[row.workload + row.schedule];
    if (row.place == db::Place::worker) continue;
    ++in_program;
    EXPECT_TRUE(in_worker.contains(row.workload + row.schedule)) << "never checked: " << row.workload << row.schedule;
  }
  for (const auto& [candidate, times] : in_worker) EXPECT_EQ(times, 1) << candidate;
  EXPECT_GT(in_program, 20);
}

TEST(Search, CtrlCEndsItWithinTwoSecondsAndLosesNothing) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const TemporaryFolder folder;
  const std::string db = (folder / "tuning.db").string();
  Running search(folder, "search " + model + " --budget 10m --db " + db);
  ASSERT_TRUE(search.wait_for(db, 5)) << search.err();
  const std::int64_t before = stored(db);
  EXPECT_LT(search.end(SIGINT), 2.0);
  EXPECT_EQ(search.exit_code(), 130) << search.err();
  EXPECT_THAT(search.err(), HasSubstr("interrupted tiny-qwen3-dense"));
  EXPECT_GE(stored(db), before);
  const auto database = db::Database::open(db, db::Mode::read_only);
  ASSERT_TRUE(database);
  const auto sessions = db::sessions(*database);
  ASSERT_TRUE(sessions);
  ASSERT_EQ(sessions->size(), 1U);
  EXPECT_EQ(sessions->front().outcome, db::Outcome::interrupted);
}

TEST(Search, CtrlCWhileItPlansOrPacksEndsItAsFast) {
  const TemporaryFolder folder;
  for (const int wait_ms : {300, 1500, 4000}) {
    Running search(folder, "search qwen3-0.6b --json --db " + (folder / "tuning.db").string());
    std::this_thread::sleep_for(milliseconds(wait_ms));
    EXPECT_LT(search.end(SIGTERM), 2.0) << wait_ms;
    EXPECT_EQ(search.exit_code(), 130) << wait_ms;
  }
}

TEST(Search, Kill9LosesNoMeasurementAndLeavesNoWorker) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const TemporaryFolder folder;
  const std::string db = (folder / "tuning.db").string();
  Running search(folder, "search " + model + " --budget 10m --db " + db);
  ASSERT_TRUE(search.wait_for(db, 5)) << search.err();
  const std::int64_t before = stored(db);
  search.end(SIGKILL);
  EXPECT_GE(stored(db), before);
  const Result after = run_nntune("search " + model + " --trials 4 --db " + db);
  EXPECT_EQ(after.exit_code, 0) << after.err;
  EXPECT_THAT(after.err, HasSubstr("reused"));
}

TEST(Search, WrongUsageIsOneLine) {
  for (const char* arguments : {"search", "search qwen3-0.6b --budget soon", "search qwen3-0.6b --trials 0",
                                "search qwen3-0.6b --seed -1", "search qwen3-0.6b --budget 3m extra"}) {
    const Result result = run_nntune(arguments);
    EXPECT_EQ(result.exit_code, 2) << arguments;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

}  // namespace
}  // namespace nntune::e2e
