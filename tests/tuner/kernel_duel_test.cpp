#include "tuner/kernel_duel.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "tests/support/paths.h"
#include "tests/tuner/candidates.h"
#include "tuner/slowed.h"
#include "tuner/worker_pool.h"

namespace nntune::tuner {
namespace {

using db::Verdict;
using std::chrono::milliseconds;
using Turns = std::vector<std::size_t>;

constexpr milliseconds kLimit{20'000};
/// Two looks, whatever the machine does.
constexpr DuelRequest kShort{.sample_seconds = 1e-5, .first_look = 8, .most_rounds = 16, .limit_seconds = 5, .margin = 0.01};

WorkerPool start() {
  auto pool = WorkerPool::start(test_support::nntune_binary(), testing::test_target(), 1, std::int64_t{2} << 30);
  if (!pool) throw std::runtime_error(pool.error().message());
  return std::move(*pool);
}

std::vector<Prepared> prepare(WorkerPool& pool, const std::vector<Candidate>& candidates) {
  auto prepared = pool.prepare_together(candidates, kLimit);
  if (!prepared) throw std::runtime_error(prepared.error().message());
  return *prepared;
}

Candidate slowed_good() {
  Candidate candidate = testing::good();
  candidate.code = slowed(*candidate.code, 0.5);
  return candidate;
}

TEST(KernelDuel, TurnsAreMirroredAndWhoBeginsChanges) {
  EXPECT_EQ(turns_of(2, 0), (Turns{0, 1, 1, 0}));
  EXPECT_EQ(turns_of(2, 1), (Turns{1, 0, 0, 1}));
  EXPECT_EQ(turns_of(3, 1), (Turns{1, 2, 0, 0, 2, 1}));
  EXPECT_EQ(turns_of(1, 5), (Turns{0, 0}));
}

TEST(KernelDuel, LooksShareTheRiskOfError) {
  EXPECT_DOUBLE_EQ((DuelRequest{.first_look = 16, .most_rounds = 16}).confidence_of_a_look(), 0.95);
  EXPECT_DOUBLE_EQ((DuelRequest{.first_look = 16, .most_rounds = 128}).confidence_of_a_look(), 1 - 0.05 / 4);
}

TEST(KernelDuel, EveryCandidateHasASampleOfEveryRound) {
  WorkerPool pool = start();
  const auto prepared = prepare(pool, {testing::good(), testing::good(), slowed_good()});
  for (const Prepared& each : prepared) ASSERT_EQ(each.verdict, Verdict::ok) << each.detail;
  EXPECT_EQ(prepared[0].object, prepared[1].object) << "twins";
  EXPECT_NE(prepared[0].object, prepared[2].object);
  const auto result = pool.duel(prepared, kShort, kLimit);
  ASSERT_TRUE(result) << result.error().message();
  ASSERT_EQ(result->verdict, Verdict::ok) << result->detail;
  ASSERT_EQ(result->samples_ns.size(), 3U);
  for (const auto& samples : result->samples_ns) {
    EXPECT_LE(samples.size(), 16U);
    EXPECT_EQ(samples.size(), result->samples_ns.front().size());
    for (const double ns : samples) EXPECT_GT(ns, 0);
  }
  EXPECT_GE(result->dropped, 0);
  EXPECT_EQ(result->environment.at("dropped"), result->dropped);
}

TEST(KernelDuel, ACrashWhilePreparingLeavesTheOthersReady) {
  WorkerPool pool = start();
  const auto prepared = prepare(pool, {testing::good(), testing::crashing(), testing::good()});
  EXPECT_EQ(prepared[0].verdict, Verdict::ok);
  EXPECT_EQ(prepared[1].verdict, Verdict::crash);
  EXPECT_EQ(prepared[2].verdict, Verdict::ok);
  const std::vector<Prepared> alive = {prepared[0], prepared[2]};
  const auto result = pool.duel(alive, kShort, kLimit);
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->verdict, Verdict::ok) << result->detail;
  const auto with_the_dead = pool.duel(prepared, kShort, kLimit);
  ASSERT_FALSE(with_the_dead);
  EXPECT_EQ(with_the_dead.error().kind, ErrorKind::infeasible);
}

TEST(KernelDuel, MessagesReadBack) {
  DuelResult result;
  result.samples_ns = {{1, 2}, {3, 4}};
  result.dropped = 5;
  result.calibration_ns = 0.25;
  result.environment = {{"load_average", 0.5}};
  const auto read = DuelResult::from_json(result.to_json());
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->samples_ns, result.samples_ns);
  EXPECT_EQ(read->dropped, 5);
  EXPECT_EQ(read->environment, result.environment);
  const auto request = DuelRequest::from_json(kShort.to_json());
  ASSERT_TRUE(request);
  EXPECT_EQ(request->to_json(), kShort.to_json());
  EXPECT_FALSE(DuelRequest::from_json({{"first_look", 1}}));
}

}  // namespace
}  // namespace nntune::tuner
