#include "tuner/worker_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <fstream>
#include <thread>

#include "tests/support/paths.h"
#include "tests/tuner/candidates.h"

namespace nntune::tuner {
namespace {

using db::Verdict;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

WorkerPool start(int workers) {
  auto pool = WorkerPool::start(test_support::nntune_binary(), testing::test_target(), workers, std::int64_t{2} << 30);
  if (!pool) throw std::runtime_error(pool.error().message());
  return std::move(*pool);
}

Prepared prepare_one(WorkerPool& pool, const Candidate& candidate, milliseconds limit = milliseconds(20000)) {
  auto prepared = pool.prepare({&candidate, 1}, limit);
  if (!prepared) throw std::runtime_error(prepared.error().message());
  return prepared->front();
}

/// After whatever came before, a good candidate is still prepared and timed.
void expect_search_goes_on(WorkerPool& pool) {
  const Prepared prepared = prepare_one(pool, testing::good());
  ASSERT_EQ(prepared.verdict, Verdict::ok) << prepared.detail;
  const auto timed = pool.time(prepared, {.samples = 5, .sample_seconds = 1e-4}, milliseconds(20000));
  ASSERT_TRUE(timed) << timed.error().message();
  EXPECT_EQ(timed->verdict, Verdict::ok) << timed->detail;
  EXPECT_EQ(static_cast<std::int64_t>(timed->samples_ns.size()) + timed->dropped, 5);
}

TEST(WorkerPool, ChecksAndTimesAGoodCandidate) {
  WorkerPool pool = start(1);
  const Prepared prepared = prepare_one(pool, testing::good());
  EXPECT_EQ(prepared.verdict, Verdict::ok) << prepared.detail;
  EXPECT_EQ(prepared.max_error, 0);
  EXPECT_EQ(prepared.tolerance, 1e-4);
  EXPECT_EQ(prepared.object, testing::good().code->hash());
  const auto timed = pool.time(prepared, {.samples = 7, .sample_seconds = 1e-4}, milliseconds(20000));
  ASSERT_TRUE(timed) << timed.error().message();
  EXPECT_EQ(static_cast<std::int64_t>(timed->samples_ns.size()) + timed->dropped, 7);
  EXPECT_GE(timed->samples_ns.size(), 3U);
  EXPECT_EQ(timed->environment.at("dropped"), timed->dropped);
  for (const double ns : timed->samples_ns) {
    EXPECT_GT(ns, 0.5);
    EXPECT_LT(ns, 1e6);
  }
}

TEST(WorkerPool, FindsAWrongResult) {
  WorkerPool pool = start(1);
  const Prepared prepared = prepare_one(pool, testing::wrong());
  EXPECT_EQ(prepared.verdict, Verdict::wrong_result);
  EXPECT_GT(prepared.max_error, prepared.tolerance);
  expect_search_goes_on(pool);
}

TEST(WorkerPool, FindsWhatWasNotWritten) {
  WorkerPool pool = start(1);
  // The good one leaves the right values in the output: they must not be taken for the next one's.
  expect_search_goes_on(pool);
  const Prepared prepared = prepare_one(pool, testing::incomplete());
  EXPECT_EQ(prepared.verdict, Verdict::wrong_result);
  EXPECT_TRUE(std::isnan(prepared.max_error));
  expect_search_goes_on(pool);
}

TEST(WorkerPool, SurvivesACrash) {
  WorkerPool pool = start(1);
  const Prepared prepared = prepare_one(pool, testing::crashing());
  EXPECT_EQ(prepared.verdict, Verdict::crash);
  EXPECT_THAT(prepared.detail, HasSubstr("SIG"));
  EXPECT_EQ(pool.replaced(), 1);
  expect_search_goes_on(pool);
}

TEST(WorkerPool, FindsAWriteFarBehindTheOutput) {
  WorkerPool pool = start(1);
  EXPECT_NE(prepare_one(pool, testing::overrunning()).verdict, Verdict::ok);
  expect_search_goes_on(pool);
}

TEST(WorkerPool, KillsAHangingCandidate) {
  WorkerPool pool = start(1);
  expect_search_goes_on(pool);  // the reference is there, the limit is the kernel's alone
  const auto begin = std::chrono::steady_clock::now();
  const Prepared prepared = prepare_one(pool, testing::hanging(), milliseconds(300));
  EXPECT_EQ(prepared.verdict, Verdict::timeout);
  EXPECT_THAT(prepared.detail, HasSubstr("300 ms"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  expect_search_goes_on(pool);
}

TEST(WorkerPool, RefusesTooMuchMemory) {
  WorkerPool pool = start(1);
  const Prepared prepared = prepare_one(pool, testing::memory_hog());
  EXPECT_EQ(prepared.verdict, Verdict::out_of_memory);
  expect_search_goes_on(pool);
}

TEST(WorkerPool, ReportsAScheduleThatDoesNotCompile) {
  WorkerPool pool = start(1);
  const Prepared prepared = prepare_one(pool, {testing::copy_of_eight(), {{{"no_such_knob", 1}}}, {}});
  EXPECT_EQ(prepared.verdict, Verdict::compile_error);
  EXPECT_FALSE(prepared.detail.empty());
  expect_search_goes_on(pool);
}

TEST(WorkerPool, GivesEachOfAMixedBatchItsOwnVerdict) {
  WorkerPool pool = start(2);
  expect_search_goes_on(pool);
  const std::vector<Candidate> candidates = {testing::good(),       testing::crashing(), testing::wrong(),
                                             testing::memory_hog(), testing::hanging(),  testing::good()};
  const auto prepared = pool.prepare(candidates, milliseconds(2000));
  ASSERT_TRUE(prepared) << prepared.error().message();
  const Verdict expected[] = {Verdict::ok,      Verdict::crash, Verdict::wrong_result, Verdict::out_of_memory,
                              Verdict::timeout, Verdict::ok};
  for (std::size_t i = 0; i < candidates.size(); ++i) EXPECT_EQ((*prepared)[i].verdict, expected[i]) << i;
}

TEST(WorkerPool, SaysWhenThePreparedCandidateIsGone) {
  WorkerPool pool = start(1);
  const Prepared good = prepare_one(pool, testing::good());
  prepare_one(pool, testing::crashing());
  prepare_one(pool, testing::good());  // the new worker is up
  const auto timed = pool.time(good, {}, milliseconds(1000));
  ASSERT_FALSE(timed);
  EXPECT_EQ(timed.error().kind, ErrorKind::infeasible);
}

/// Zombies wait for their new parent to notice; they run no more.
bool runs(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string skipped;
  std::string state;
  return static_cast<bool>(file >> skipped >> skipped >> state) && state != "Z" && state != "X";
}

TEST(WorkerPool, DiesWithItsParentEvenOnKill9InTheMiddleOfWork) {
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    WorkerPool pool = start(2);
    const pid_t workers[2] = {pool.pid(0), pool.pid(1)};
    if (write(pipes[1], workers, sizeof workers) != sizeof workers) _exit(1);
    const Candidate hang[] = {testing::hanging(), testing::good(), testing::hanging()};
    (void)pool.prepare(hang, std::chrono::minutes(10));
    _exit(0);
  }
  pid_t workers[2] = {0, 0};
  ASSERT_EQ(read(pipes[0], workers, sizeof workers), static_cast<ssize_t>(sizeof workers));
  std::this_thread::sleep_for(milliseconds(500));  // now they hang in their kernels
  ASSERT_TRUE(runs(workers[0]));
  ASSERT_TRUE(runs(workers[1]));
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while ((runs(workers[0]) || runs(workers[1])) && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_FALSE(runs(workers[0]));
  EXPECT_FALSE(runs(workers[1]));
}

TEST(WorkerPool, RemovesTheFolderOfADeadSearch) {
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto folder = SharedFolder::create();
    const std::string path = folder ? folder->path().string() : "";
    _exit(write(pipes[1], path.data(), path.size()) == static_cast<ssize_t>(path.size()) ? 0 : 1);
  }
  char buffer[512] = {};
  ASSERT_GT(read(pipes[0], buffer, sizeof buffer - 1), 0);
  waitpid(child, nullptr, 0);
  ASSERT_TRUE(std::filesystem::exists(buffer));
  const auto folder = SharedFolder::create();
  ASSERT_TRUE(folder);
  EXPECT_FALSE(std::filesystem::exists(buffer));
}

}  // namespace
}  // namespace nntune::tuner
