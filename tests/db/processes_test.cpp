// Several processes at one database, and processes that are killed.
#include <gmock/gmock.h>

#include <csignal>
#include <cstring>
#include <thread>

#include "tests/db/support.h"

namespace nntune::db {
namespace {

using namespace test;

TEST(Processes, FourWriteAtOnceAndNothingIsLost) {
  constexpr int kProcesses = 4;
  constexpr int kRows = 200;
  const Folder folder;
  pid_t children[kProcesses];
  for (int p = 0; p < kProcesses; ++p) {
    children[p] = ::fork();
    if (children[p] != 0) continue;
    // All create the file, the target and the workload, too.
    try {
      Database database = open(folder / "tuning.db");
      const std::int64_t target = add_target(database);
      for (int row = 0; row < kRows; ++row) {
        const auto id = database.insert_measurement(measurement(target, p * kRows + row));
        if (!id) throw std::runtime_error(id.error().message());
      }
      ::_exit(0);
    } catch (const std::exception& e) {
      ::fprintf(stderr, "%s\n", e.what());
      ::_exit(1);
    }
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  const Database database = open(folder / "tuning.db");
  EXPECT_EQ(count_measurements(database).value(), kProcesses * kRows);
  EXPECT_EQ(tried(database, 1, measurement(1, 0).workload_hash()).value().size(), std::size_t{kProcesses * kRows});
}

TEST(Processes, ThreadsMayShareAConnection) {
  const Folder folder;
  Database database = open(folder / "tuning.db");
  const std::int64_t target = add_target(database);
  std::vector<std::thread> threads;
  std::vector<std::string> failures(4);
  threads.reserve(failures.size());
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int row = 0; row < 50; ++row) {
        const Measurement m = measurement(target, t * 50 + row);
        if (const auto id = database.insert_measurement(m); !id)
          failures[static_cast<std::size_t>(t)] = id.error().message();
        if (!best(database, target, m.workload_hash()).value_or(std::nullopt))
          failures[static_cast<std::size_t>(t)] = "no best";
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& failure : failures) EXPECT_EQ(failure, "");
  EXPECT_EQ(count_measurements(database).value(), 200);
}

TEST(Processes, KillLosesNothingThatWasStored) {
  const Folder folder;
  int acknowledged = 0;
  for (int round = 0; round < 8; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        Database database = open(folder / "tuning.db");
        const std::int64_t target = add_target(database);
        for (int row = 0;; ++row) {
          if (!database.insert_measurement(measurement(target, round * 1'000'000 + row)) || ::write(ends[1], "x", 1) != 1)
            ::_exit(1);
        }
      } catch (const std::exception&) {
        ::_exit(1);
      }
    }
    ::close(ends[1]);
    char stored = 0;
    const auto count = [&] { acknowledged += static_cast<int>(::read(ends[0], &stored, 1) == 1); };
    for (int row = 0; row < 5 + 7 * round; ++row) count();
    std::this_thread::sleep_for(std::chrono::microseconds(137 * round));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it was still at work";
    while (::read(ends[0], &stored, 1) == 1) ++acknowledged;
    ::close(ends[0]);

    // Both kinds of readers find it all, with at most the row in flight beyond.
    for (const Mode mode : {Mode::read_only, Mode::read_write}) {
      Database database = open(folder / "tuning.db", mode);
      const auto rows = count_measurements(database).value();
      EXPECT_GE(rows, acknowledged);
      EXPECT_LE(rows, acknowledged + 1);
      auto check = database.connection().prepare("PRAGMA integrity_check");
      ASSERT_TRUE(check->step().value());
      EXPECT_EQ(check->text(0), "ok");
      if (mode == Mode::read_write) acknowledged = static_cast<int>(rows);
    }
  }
}

TEST(Processes, WriterWaitsForAnotherWriter) {
  const Folder folder;
  Database first = open(folder / "tuning.db");
  Database second = open(folder / "tuning.db");
  const std::int64_t target = add_target(first);
  ASSERT_TRUE(first.connection().execute("BEGIN IMMEDIATE"));
  std::thread releases([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    ASSERT_TRUE(first.connection().execute("COMMIT"));
  });
  EXPECT_TRUE(second.insert_measurement(measurement(target, 1)));
  releases.join();
}

}  // namespace
}  // namespace nntune::db
