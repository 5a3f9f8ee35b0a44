// Full disks and power cuts, at every write SQLite makes.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>

#include "db/stats.h"
#include "tests/db/faulty_vfs.h"
#include "tests/db/support.h"

namespace nntune::db {
namespace {

using namespace test;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kRows = 6;

/// Bigger than a page, so that one measurement is several writes.
Measurement big(std::int64_t target_id, int knob) {
  Measurement m = measurement(target_id, knob, std::vector<double>(400, 1000.0 + knob));
  m.detail = std::string(3000, 'x');
  return m;
}

/// Opens a new database and stores kRows measurements, until the first failure. \return stored ones
int store(const fs::path& path, std::string& failure, const std::function<void(int)>& stored = {}) {
  auto database = Database::open(path, Mode::read_write);
  if (!database) {
    failure = database.error().message();
    return 0;
  }
  std::int64_t target = 0;
  try {
    target = add_target(*database);
  } catch (const std::exception& e) {
    failure = e.what();
    return 0;
  }
  int count = 0;
  for (int knob = 0; knob < kRows; ++knob) {
    const auto id = database->insert_measurement(big(target, knob));
    if (!id) {
      failure = id.error().message();
      return count;
    }
    ++count;
    if (stored) stored(count);
  }
  return count;
}

/// Opens what is left and stores one more row; false with a reason if that does not work or a stored row is missing.
::testing::AssertionResult is_fine(const fs::path& path, int stored) {
  auto database = Database::open(path, Mode::read_write);
  if (!database) return ::testing::AssertionFailure() << database.error().message();
  auto check = database->connection().prepare("PRAGMA integrity_check");
  if (!check || !check->step().value_or(false) || check->text(0) != "ok") return ::testing::AssertionFailure() << "damaged";
  const auto rows = measurements(*database);
  if (!rows) return ::testing::AssertionFailure() << rows.error().message();
  const int count = static_cast<int>(rows->size());
  if (count < stored || count > stored + 1) return ::testing::AssertionFailure() << count << " rows of " << stored;
  for (int knob = 0; knob < count; ++knob) {
    const Measurement& row = (*rows)[static_cast<std::size_t>(knob)];
    if (row.samples_ns != big(1, knob).samples_ns)
      return ::testing::AssertionFailure() << "row " << knob << " is not what was stored";
  }
  const auto id = database->insert_measurement(big(add_target(*database), 100));
  if (!id) return ::testing::AssertionFailure() << id.error().message();
  return ::testing::AssertionSuccess();
}

/// \param lasting  the fault stays, as a full disk does; else only one operation fails
void fail_each_operation(int code, bool lasting, const testing::Matcher<std::string>& expected) {
  int failures = 0;
  for (int n = 1;; ++n) {
    ASSERT_LT(n, 1000) << "the faults never end";
    SCOPED_TRACE(n);
    const Folder folder;
    FaultyVfs vfs;
    vfs.fail_at = n;
    vfs.fail_on = lasting;
    vfs.code = code;
    std::string failure;
    const int stored = store(folder / "tuning.db", failure);
    const bool fired = vfs.fired();
    if (!failure.empty()) {
      ++failures;
      EXPECT_THAT(failure, AllOf(expected, HasSubstr("tuning.db"), Not(HasSubstr("\n"))));
    } else {
      EXPECT_EQ(stored, kRows);
    }
    vfs.fail_at = 0;  // the disk has room again
    EXPECT_TRUE(is_fine(folder / "tuning.db", stored));
    if (!fired) break;
  }
  EXPECT_GT(failures, 30);
}

TEST(Faults, FullDiskAtEachWriteLosesNothingStored) {
  // A sync or a truncation that fails is an I/O error even then.
  fail_each_operation(SQLITE_FULL, true,
                      AnyOf(HasSubstr("the disk is full; free some space"), HasSubstr("cannot read or write")));
}

TEST(Faults, OneFailedWriteLosesNothingStored) {
  fail_each_operation(SQLITE_IOERR_WRITE, false, AnyOf(HasSubstr("cannot read or write"), HasSubstr("cannot open")));
}

TEST(Faults, SameObjectWorksAgainWhenTheDiskHasRoom) {
  int failures = 0;
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    const Folder folder;
    FaultyVfs vfs;
    Database database = open(folder / "tuning.db");
    const std::int64_t target = add_target(database);
    vfs.operations = 0;
    vfs.fail_at = n;
    vfs.fail_on = true;
    const auto first = database.insert_measurement(big(target, 0));
    const bool fired = vfs.fired();
    vfs.fail_at = 0;
    if (!first) ++failures;
    EXPECT_FALSE(database.connection().in_transaction());
    EXPECT_EQ(count_measurements(database).value(), first ? 1 : 0) << "an error means: not stored";
    EXPECT_TRUE(database.insert_measurement(big(target, 1)));
    if (!fired) break;
  }
  EXPECT_GT(failures, 2);
}

/// Puts `image` of a database in `from` into `to`.
void restore(const FaultyVfs::Image& image, const fs::path& from, const fs::path& to) {
  for (const auto& [path, bytes] : image) write(to / fs::path(path).lexically_relative(from), bytes);
}

TEST(Faults, PowerCutAtEachWriteLosesAtMostTheOneInFlight) {
  struct Moment {
    FaultyVfs::Image image;
    int stored;
  };
  std::vector<Moment> moments;
  const Folder folder;
  {
    FaultyVfs vfs;
    int stored = 0;
    const auto note = [&] {
      moments.push_back({vfs.durable(), stored});  // all that was not synced is lost
      FaultyVfs::Image all;                        // all of it is kept: kill -9
      for (const auto& entry : fs::directory_iterator(folder.path())) {
        if (entry.path().extension() != ".db-shm") all[entry.path().string()] = content(entry.path());
      }
      moments.push_back({std::move(all), stored});
    };
    vfs.before = note;
    std::string failure;
    store(folder / "tuning.db", failure, [&](int count) {
      stored = count;
      note();
    });
    EXPECT_EQ(failure, "");
    EXPECT_EQ(stored, kRows);
    vfs.before = {};
  }
  EXPECT_GT(moments.size(), 100U);
  FaultyVfs fast;
  for (std::size_t i = 0; i < moments.size(); ++i) {
    SCOPED_TRACE(i);
    const Folder copy;
    restore(moments[i].image, folder.path(), copy.path());
    EXPECT_TRUE(is_fine(copy / "tuning.db", moments[i].stored));
  }
}

TEST(Faults, FileSizeLimitIsAFullDisk) {
  const Folder folder;
  const std::string told = in_child(false, [&] {
    std::signal(SIGXFSZ, SIG_IGN);
    Database database = open(folder / "tuning.db");
    const std::int64_t target = add_target(database);
    const rlimit limit{200'000, 200'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    for (int knob = 0;; ++knob) {
      const auto id = database.insert_measurement(big(target, knob));
      if (!id) return std::to_string(knob) + " " + id.error().message();
    }
  });
  const int stored = std::stoi(told);
  EXPECT_GT(stored, 3);
  EXPECT_THAT(told, HasSubstr("tuning.db: the disk is full; free some space and run again: what was stored before is safe"));
  EXPECT_TRUE(is_fine(folder / "tuning.db", stored));
}

TEST(Faults, FullDiskWhileCreatingLeavesNothingHalfWritten) {
  const Folder folder;
  const std::string told = in_child(false, [&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{3'000, 3'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    return message(Database::open(folder / "tuning.db", Mode::read_write));
  });
  EXPECT_THAT(told, HasSubstr("tuning.db: the disk is full; free some space"));
  EXPECT_EQ(count_measurements(open(folder / "tuning.db", Mode::read_only_if_there)).value(), 0);
  EXPECT_TRUE(is_fine(folder / "tuning.db", 0));
}

}  // namespace
}  // namespace nntune::db
