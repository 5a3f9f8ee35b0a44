// What may go wrong with the file: each case is one clear line, and what was there stays as it was.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "db/migrations.h"
#include "tests/db/support.h"

namespace nntune::db {
namespace {

using namespace test;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Mode kModes[] = {Mode::read_only, Mode::read_write};

/// Opening says all of `parts` on one line and leaves the folder's only file as it is.
void expect_refused(const Folder& folder, const fs::path& path, const std::string& part) {
  const std::string before = content(path);
  const auto time = fs::last_write_time(path);
  for (const Mode mode : kModes) {
    const std::string text = message(Database::open(path, mode));
    EXPECT_THAT(text, AllOf(HasSubstr(path.string()), HasSubstr(part), HasSubstr("; "), Not(HasSubstr("\n"))));
  }
  EXPECT_EQ(content(path), before);
  EXPECT_EQ(fs::last_write_time(path), time);
  EXPECT_EQ(folder.files(), 1U) << "no log, lock or journal beside it";
}

TEST(Open, CreatesTheFileAndItsFolders) {
  const Folder folder;
  const fs::path path = folder / "a/b" / "tuning.db";
  Database database = open(path);
  EXPECT_TRUE(fs::exists(path));
  EXPECT_EQ(database.path(), path);
  EXPECT_EQ(database.connection().integer("PRAGMA user_version").value(), schema_version());
  EXPECT_EQ(database.connection().integer("PRAGMA synchronous").value(), 2) << "FULL";
  auto mode = database.connection().prepare("PRAGMA journal_mode");
  ASSERT_TRUE(mode->step().value());
  EXPECT_EQ(mode->text(0), "wal");
}

TEST(Open, FindsWhatWasStoredBefore) {
  const Folder folder;
  {
    Database database = open(folder / "tuning.db");
    ASSERT_TRUE(database.insert_measurement(measurement(add_target(database), 1)));
  }
  for (const Mode mode : kModes) EXPECT_EQ(count_measurements(open(folder / "tuning.db", mode)).value(), 1);
}

TEST(Open, ReaderSeesWhatAWriterHasNotCheckpointed) {
  const Folder folder;
  Database writer = open(folder / "tuning.db");
  const Database reader = open(folder / "tuning.db", Mode::read_only);
  ASSERT_TRUE(writer.insert_measurement(measurement(add_target(writer), 1)));
  EXPECT_EQ(count_measurements(reader).value(), 1);
}

TEST(Open, MissingFileIsAnErrorForAReaderAndIsNotCreated) {
  const Folder folder;
  for (const char* name : {"tuning.db", "a/tuning.db"}) {
    EXPECT_THAT(message(Database::open(folder / name, Mode::read_only)),
                AllOf(HasSubstr("there is no tuning database " + (folder / name).string()), HasSubstr("; ")));
  }
  EXPECT_EQ(folder.files(), 0U);
}

TEST(Open, MissingFileReadsAsEmptyWhereItMayBeMissingAndIsNotCreated) {
  const Folder folder;
  Database database = open(folder / "a" / "tuning.db", Mode::read_only_if_there);
  EXPECT_EQ(count_measurements(database).value(), 0);
  EXPECT_FALSE(best(database, 1, hash128("x")).value());
  EXPECT_TRUE(tried(database, 1, hash128("x")).value().empty());
  EXPECT_TRUE(sessions(database).value().empty());
  EXPECT_THAT(message(database.begin_session({})), HasSubstr("read-only"));
  EXPECT_EQ(folder.files(), 0U);
}

TEST(Open, EmptyFileBecomesADatabaseWhenWritten) {
  const Folder folder;
  write(folder / "tuning.db", "");
  EXPECT_EQ(count_measurements(open(folder / "tuning.db", Mode::read_only)).value(), 0);
  EXPECT_EQ(fs::file_size(folder / "tuning.db"), 0U);
  open(folder / "tuning.db");
  EXPECT_GT(fs::file_size(folder / "tuning.db"), 0U);
}

TEST(Open, ReadOnlyDatabaseTakesNoRows) {
  const Folder folder;
  const std::int64_t target = add_target(open(folder / "tuning.db"));
  Database database = open(folder / "tuning.db", Mode::read_only);
  EXPECT_THAT(message(database.insert_measurement(measurement(target, 1))), HasSubstr("is read-only; "));
  EXPECT_EQ(count_measurements(database).value(), 0);
}

TEST(Open, SpecialNamesAreFileNames) {
  const Folder folder;
  for (const char* name : {":memory:", "file:x?mode=memory", "with space & % # ?", "-db"}) {
    open(folder / name);
    EXPECT_GT(fs::file_size(folder / name), 0U) << name;
  }
}

TEST(Open, RefusesGarbage) {
  const Folder folder;
  for (const std::string& garbage :
       {std::string("x"), std::string("not a database"), std::string(100'000, 'x'), std::string(4096, '\0')}) {
    write(folder / "tuning.db", garbage);
    expect_refused(folder, folder / "tuning.db", "is not a tuning database");
  }
}

TEST(Open, RefusesTheDatabaseOfAnotherProgram) {
  const Folder folder;
  const fs::path path = folder / "other.db";
  {
    auto other = sqlite::Connection::open(path.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, path);
    ASSERT_TRUE((*other)->execute("CREATE TABLE song (name TEXT); INSERT INTO song VALUES ('x')"));
  }
  expect_refused(folder, path, "is an SQLite database of another program");
}

TEST(Open, RefusesANewerSchema) {
  const Folder folder;
  const fs::path path = folder / "tuning.db";
  {
    Database database = open(path);
    ASSERT_TRUE(database.connection().execute("CREATE TABLE future (x); PRAGMA user_version = 1000"));
  }
  expect_refused(folder, path,
                 "has schema 1000, written by a newer nntune; this one knows up to " + std::to_string(schema_version()) +
                     "; upgrade nntune");
}

TEST(Open, ReadingNeverMigratesAndSaysWhatDoes) {
  const Folder folder;
  const fs::path path = folder / "tuning.db";
  {
    auto old = sqlite::Connection::open(path.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, path);
    ASSERT_TRUE(migrate(**old, migrations().first(1)));
  }
  const std::string before = content(path);
  for (const Mode mode : {Mode::read_only, Mode::read_only_if_there}) {
    EXPECT_THAT(message(Database::open(path, mode)),
                AllOf(HasSubstr(path.string() + " has schema 1, written by an older nntune; this one reads " +
                                std::to_string(schema_version()) + "; run `nntune db migrate --db " + path.string() + "`"),
                      Not(HasSubstr("\n"))));
  }
  EXPECT_EQ(content(path), before);
  EXPECT_EQ(folder.files(), 1U);

  const auto first = migrate_file(path);
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(first->before, 1);
  EXPECT_EQ(first->after, schema_version());
  EXPECT_EQ(count_measurements(open(path, Mode::read_only)).value(), 0);
  EXPECT_EQ(migrate_file(path)->before, schema_version()) << "nothing left to do";
}

TEST(MigrateFile, CreatesNothingAndRefusesWhatOpeningRefuses) {
  const Folder folder;
  EXPECT_THAT(message(migrate_file(folder / "none.db")), HasSubstr("there is no tuning database"));
  EXPECT_EQ(folder.files(), 0U);
  write(folder / "garbage", "not a database");
  EXPECT_THAT(message(migrate_file(folder / "garbage")), HasSubstr("is not a tuning database"));
  write(folder / "empty.db", "");
  const auto change = migrate_file(folder / "empty.db");
  ASSERT_TRUE(change) << change.error().message();
  EXPECT_EQ(change->before, 0);
  EXPECT_EQ(change->after, schema_version());
}

TEST(Open, RefusesEveryTruncation) {
  const Folder folder;
  const fs::path path = folder / "tuning.db";
  {
    Database database = open(path);
    const std::int64_t target = add_target(database);
    for (int knob = 0; knob < 20; ++knob) ASSERT_TRUE(database.insert_measurement(measurement(target, knob)));
  }
  const std::string whole = content(path);
  ASSERT_GT(whole.size(), 20'000U);
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{15}, std::size_t{16}, std::size_t{99}, std::size_t{100}, std::size_t{4095},
        std::size_t{4096}, std::size_t{4097}, whole.size() / 2, whole.size() - 4096}) {
    SCOPED_TRACE(size);
    write(path, whole.substr(0, size));
    expect_refused(folder, path, size < 16 ? "; " : "truncated");
  }
}

TEST(Open, DamagedPagesAreOneLineOrAreNotRead) {
  const Folder folder;
  const fs::path path = folder / "tuning.db";
  {
    Database database = open(path);
    const std::int64_t target = add_target(database);
    for (int knob = 0; knob < 20; ++knob) ASSERT_TRUE(database.insert_measurement(measurement(target, knob)));
  }
  const std::string whole = content(path);
  int noticed = 0;
  for (std::size_t at = 100; at < whole.size(); at += 512) {
    std::string damaged = whole;
    for (std::size_t i = at; i < std::min(at + 64, whole.size()); ++i) damaged[i] = '\xa5';
    write(path, damaged);
    const auto database = Database::open(path, Mode::read_only);
    const auto rows = database ? measurements(*database) : tl::unexpected(database.error());
    if (!rows) {
      ++noticed;
      EXPECT_THAT(rows.error().message(), AllOf(HasSubstr(path.string()), HasSubstr("; "), Not(HasSubstr("\n"))));
    }
  }
  EXPECT_GT(noticed, 5);
}

TEST(Open, RefusesWhatIsNoFile) {
  const Folder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const Mode mode : kModes) {
    EXPECT_THAT(message(Database::open(folder.path(), mode)), EndsWith("is a folder; give a file with --db"));
    EXPECT_THAT(message(Database::open(folder / "pipe", mode)), HasSubstr("is not a regular file"));
    EXPECT_THAT(message(Database::open("", mode)), HasSubstr("is no file name"));
    EXPECT_THAT(message(Database::open("folder/", mode)), HasSubstr("is no file name"));
  }
  write(folder / "file", "x");
  EXPECT_THAT(message(Database::open(folder / "file" / "tuning.db", Mode::read_write)),
              HasSubstr("cannot create the folder"));
}

TEST(Open, ReadOnlyFileIsReadAndNotWritten) {
  const Folder folder;
  const fs::path path = folder / "tuning.db";
  add_target(open(path));
  fs::permissions(path, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
  EXPECT_EQ(in_child(true, [&] { return message(Database::open(path, Mode::read_write)); }),
            path.string() + " is read-only; make it and its folder writable, or give another file with --db");
  EXPECT_EQ(in_child(true, [&] { return message(count_measurements(open(path, Mode::read_only))); }), "no error");
}

TEST(Open, ReadOnlyFolderIsReadAndNotWritten) {
  const Folder folder;
  const fs::path path = folder / "50% off?#.db";
  {
    Database database = open(path);
    ASSERT_TRUE(database.insert_measurement(measurement(add_target(database), 1)));
  }
  constexpr auto kReadable = fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec;
  fs::permissions(path, fs::perms::owner_all | fs::perms::others_read | fs::perms::others_write);
  fs::permissions(folder.path(), kReadable);
  EXPECT_EQ(in_child(true, [&] { return std::to_string(count_measurements(open(path, Mode::read_only)).value()); }), "1");
  for (const char* name : {"50% off?#.db", "new.db", "new/tuning.db"}) {
    EXPECT_THAT(
        in_child(true, [&] { return message(Database::open(folder / name, Mode::read_write)); }),
        AllOf(HasSubstr(folder.path().string()), testing::AnyOf(HasSubstr("Permission denied; "), HasSubstr("read-only"))));
  }
  fs::permissions(folder.path(), fs::perms::all);
  EXPECT_EQ(folder.files(), 1U);
}

TEST(Open, ReadOnlyFolderWithAnUnfinishedLogSaysHowToFinishIt) {
  const Folder folder;
  const fs::path path = folder / "tuning.db";
  {
    Database database = open(path);
    ASSERT_TRUE(database.insert_measurement(measurement(add_target(database), 1)));
    fs::copy_file(path, folder / "copy.db");  // as after a crash: the log is full, the shared memory is gone
    fs::copy_file(path.string() + "-wal", folder / "copy.db-wal");
  }
  constexpr auto kReadable = fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec;
  fs::permissions(folder.path(), kReadable);
  const auto count = [&] { return message(Database::open(folder / "copy.db", Mode::read_only)); };
  EXPECT_THAT(in_child(true, count),
              HasSubstr("copy.db-wal holds unfinished writes, and the folder is read-only; open it once with"));
  fs::permissions(folder.path(), fs::perms::all);
  EXPECT_EQ(count_measurements(open(folder / "copy.db", Mode::read_only)).value(), 1);
}

TEST(Open, UnreadableFileSaysSo) {
  const Folder folder;
  const fs::path path = folder / "tuning.db";
  open(path);
  fs::permissions(path, fs::perms::none);
  for (const Mode mode : kModes) {
    EXPECT_THAT(in_child(true, [&] { return message(Database::open(path, mode)); }), HasSubstr("Permission denied; "));
  }
}

TEST(DefaultPath, FollowsTheXdgSpecification) {
  const auto with = [](const char* data, const char* home) {
    return in_child(false, [&] {
      data == nullptr ? ::unsetenv("XDG_DATA_HOME") : ::setenv("XDG_DATA_HOME", data, 1);
      home == nullptr ? ::unsetenv("HOME") : ::setenv("HOME", home, 1);
      return default_path().value().string();
    });
  };
  EXPECT_EQ(with("/data", "/home/me"), "/data/nntune/tuning.db");
  EXPECT_EQ(with("", "/home/me"), "/home/me/.local/share/nntune/tuning.db");
  EXPECT_EQ(with(nullptr, "/home/me"), "/home/me/.local/share/nntune/tuning.db");
  EXPECT_EQ(with("relative", "/home/me"), "/home/me/.local/share/nntune/tuning.db") << "the specification says: ignore";
  EXPECT_THAT(with(nullptr, nullptr), EndsWith("/.local/share/nntune/tuning.db")) << "from the user's entry";
}

}  // namespace
}  // namespace nntune::db
