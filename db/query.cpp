#include "db/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/json.h"

namespace nntune::db {
namespace {

/// Joined with its workload, in the order of read_measurement().
constexpr std::string_view kColumns =
    "m.id, m.uid, m.target_id, m.session_id, w.text, m.family, m.schedule_json, m.object_hash, m.compiler, m.nntune_version,"
    " m.threads, m.verdict, m.samples_ns, m.median_ns, m.min_ns, m.max_error, m.tolerance, m.dram_read_bytes_per_s, m.seed,"
    " m.detail, m.created_at, m.place = 'program', m.environment";

/// The newest measurement in a worker of each schedule of target ?1 and workload ?2. Times and uids, not ids: they survive a
/// merge. Narrow, because it is sorted; the whole rows are joined to the few that are asked for.
constexpr std::string_view kNewest =
    "WITH newest AS MATERIALIZED (SELECT id, schedule_hash, verdict, median_ns, object_hash FROM"
    " (SELECT id, schedule_hash, verdict, median_ns, object_hash,"
    " row_number() OVER (PARTITION BY schedule_hash ORDER BY created_at DESC, uid DESC) AS age"
    " FROM measurement WHERE target_id = ?1 AND workload_hash = ?2 AND place = 'worker') WHERE age = 1) ";
/// The same of the newest session that timed the workload in a program.
constexpr std::string_view kNewestInProgram =
    "WITH newest AS MATERIALIZED (SELECT id, schedule_hash, verdict, median_ns, object_hash FROM"
    " (SELECT id, schedule_hash, verdict, median_ns, object_hash,"
    " row_number() OVER (PARTITION BY schedule_hash ORDER BY created_at DESC, uid DESC) AS age"
    " FROM measurement WHERE target_id = ?1 AND workload_hash = ?2 AND place = 'program' AND session_id IS"
    " (SELECT session_id FROM measurement WHERE target_id = ?1 AND workload_hash = ?2 AND place = 'program'"
    " ORDER BY created_at DESC, uid DESC LIMIT 1)) WHERE age = 1) ";
constexpr std::string_view kWholeRows =
    " FROM newest n JOIN measurement m ON m.id = n.id JOIN workload w ON w.hash = m.workload_hash WHERE n.verdict = 'ok'";

constexpr std::size_t kLeastUidDigits = 4;

Error damaged(const Database& database, std::string_view what) {
  return {ErrorKind::bad_input, fmt::format("{} holds {}", database.path().string(), what),
          "restore it from a copy, or move it away to begin an empty one"};
}

Expected<std::optional<Hash128>> read_hash(const sqlite::Statement& row, int column) {
  if (row.is_null(column)) return std::optional<Hash128>();
  NNTUNE_ASSIGN(const Hash128 hash, hash_from_hex(row.text(column)));
  return std::optional(hash);
}

Expected<Measurement> read_measurement(const Database& database, const sqlite::Statement& row) {
  Measurement m;
  int column = 0;
  m.id = row.integer(column++);
  m.uid = row.text(column++);
  m.target_id = row.integer(column++);
  if (!row.is_null(column)) m.session_id = row.integer(column);
  ++column;
  m.workload = row.text(column++);
  m.family = row.text(column++);
  m.schedule = row.text(column++);
  auto object_hash = read_hash(row, column++);
  m.compiler = row.text(column++);
  m.nntune_version = row.text(column++);
  m.threads = static_cast<int>(row.integer(column++));
  auto verdict = verdict_from_string(row.text(column++));
  auto samples = parse_json(row.text(column++), "samples_ns");
  if (!object_hash || !verdict || !samples || !samples->is_array() ||
      !std::all_of(samples->begin(), samples->end(), [](const Json& sample) { return sample.is_number(); })) {
    return tl::unexpected(damaged(database, fmt::format("a damaged measurement {}", m.id)));
  }
  m.object_hash = *object_hash;
  m.verdict = *verdict;
  m.samples_ns = samples->get<std::vector<double>>();
  m.median_ns = row.real(column++);
  m.min_ns = row.real(column++);
  m.max_error = row.real(column++);
  m.tolerance = row.real(column++);
  m.dram_read_bytes_per_s = row.real(column++);
  m.seed = row.integer(column++);
  m.detail = row.text(column++);
  m.created_at = row.text(column++);
  m.place = row.integer(column++) != 0 ? Place::program : Place::worker;
  m.environment = row.text(column++);
  return m;
}

Expected<std::vector<Measurement>> read_all(const Database& database, sqlite::Statement statement) {
  std::vector<Measurement> rows;
  while (true) {
    NNTUNE_ASSIGN(const bool more, statement.step());
    if (!more) return rows;
    NNTUNE_ASSIGN(Measurement row, read_measurement(database, statement));
    rows.push_back(std::move(row));
  }
}

/// A WHERE clause for `filter`, whose parameters are ?1 to ?4, NULL where it does not restrict.
constexpr std::string_view kFilter =
    " WHERE (?1 IS NULL OR m.target_id = ?1) AND (?2 IS NULL OR m.workload_hash = ?2) AND (?3 IS NULL OR m.family = ?3)"
    " AND (?4 IS NULL OR m.session_id = ?4)";

Expected<sqlite::Statement> prepare(const Database& database, const std::string& sql, const Filter& filter) {
  const auto hash = filter.workload_hash ? std::optional(filter.workload_hash->hex()) : std::nullopt;
  return database.connection().prepare(sql, filter.target_id, hash, filter.family, filter.session_id);
}

std::optional<Throughput> read_throughput(const sqlite::Statement& row, int column, std::int64_t decode_context) {
  const auto prefill = row.optional_real(column);
  const auto decode = row.optional_real(column + 1);
  return prefill && decode ? std::optional(Throughput{*prefill, *decode, decode_context}) : std::nullopt;
}

/// Of what took turns in a program, the incumbent first.
const Measurement& winner(const std::vector<Measurement>& played) {
  std::vector<const Measurement*> faster;
  for (const Measurement& challenger : std::span(played).subspan(1)) {
    if (compare(played.front(), challenger, 0).contrast.decision == Decision::faster) faster.push_back(&challenger);
  }
  if (faster.empty()) return played.front();
  const double least = (*std::ranges::min_element(faster, {}, &Measurement::median_ns))->median_ns;
  std::erase_if(faster, [&](const Measurement* m) { return m->median_ns > least * (1 + kTieFraction); });
  return **std::ranges::min_element(faster, {}, &Measurement::schedule_hash);
}

}  // namespace

Comparison compare(const Measurement& incumbent, const Measurement& challenger, double margin) {
  const bool turns = incumbent.place == Place::program && challenger.place == Place::program && incumbent.session_id &&
                     incumbent.session_id == challenger.session_id &&
                     incumbent.samples_ns.size() == challenger.samples_ns.size();
  const auto contrast = turns ? contrast_pairs : contrast_apart;
  return {contrast(incumbent.samples_ns, challenger.samples_ns, margin, kConfidence), turns};
}

Expected<std::optional<Measurement>> best(const Database& database, std::int64_t target_id, const Hash128& workload_hash) {
  const sqlite::Lock lock(database.connection());
  NNTUNE_ASSIGN(auto played, database.connection().prepare(fmt::format("{} SELECT {}{} ORDER BY m.created_at, m.uid",
                                                                       kNewestInProgram, kColumns, kWholeRows),
                                                           target_id, workload_hash.hex()));
  NNTUNE_ASSIGN(const auto in_program, read_all(database, std::move(played)));
  if (!in_program.empty()) return std::optional(winner(in_program));
  NNTUNE_ASSIGN(auto statement, database.connection().prepare(
                                    fmt::format("{} SELECT {}{} AND n.median_ns <="
                                                " (SELECT min(median_ns) FROM newest WHERE verdict = 'ok') * (1 + ?3)"
                                                " ORDER BY n.schedule_hash LIMIT 1",
                                                kNewest, kColumns, kWholeRows),
                                    target_id, workload_hash.hex(), kTieFraction));
  NNTUNE_ASSIGN(auto rows, read_all(database, std::move(statement)));
  return rows.empty() ? std::nullopt : std::optional(std::move(rows.front()));
}

Expected<std::vector<Measurement>> ranking(const Database& database, std::int64_t target_id, const Hash128& workload_hash,
                                           std::size_t limit) {
  const sqlite::Lock lock(database.connection());
  NNTUNE_ASSIGN(auto statement,
                database.connection().prepare(fmt::format("{} SELECT {}{} ORDER BY n.median_ns, n.schedule_hash LIMIT ?3",
                                                          kNewest, kColumns, kWholeRows),
                                              target_id, workload_hash.hex(), static_cast<std::int64_t>(limit)));
  return read_all(database, std::move(statement));
}

Expected<std::vector<Measurement>> contenders(const Database& database, std::int64_t target_id, const Hash128& workload_hash,
                                              std::size_t limit) {
  const sqlite::Lock lock(database.connection());
  NNTUNE_ASSIGN(const auto first, best(database, target_id, workload_hash));
  if (!first || limit == 0) return std::vector<Measurement>();
  NNTUNE_ASSIGN(auto statement,
                database.connection().prepare(
                    fmt::format("{} SELECT {}{} ORDER BY n.id <> ?4, n.median_ns, n.schedule_hash LIMIT ?3",
                                first->place == Place::program ? kNewestInProgram : kNewest, kColumns, kWholeRows),
                    target_id, workload_hash.hex(), static_cast<std::int64_t>(limit), first->id));
  return read_all(database, std::move(statement));
}

Expected<Measurement> find_measurement(const Database& database, const std::string& id) {
  const auto none = [&](std::string_view what) {
    return fail(ErrorKind::bad_input, fmt::format("{} {} in {}", what, id, database.path().string()),
                "give the id of a row of its table measurement, or four or more digits of a uid");
  };
  const auto digits = [&](std::string_view allowed) { return id.find_first_not_of(allowed) == std::string::npos; };
  if (id.empty() || !digits("0123456789abcdef")) return none("there is no measurement");
  const sqlite::Lock lock(database.connection());
  const auto select = [&](std::string_view condition, std::string_view key) -> Expected<std::vector<Measurement>> {
    NNTUNE_ASSIGN(
        auto statement,
        database.connection().prepare(
            fmt::format("SELECT {} FROM measurement m JOIN workload w ON w.hash = m.workload_hash WHERE {} LIMIT 2",
                        kColumns, condition),
            key));
    return read_all(database, std::move(statement));
  };
  std::vector<Measurement> found;
  if (digits("0123456789") && id.size() < 19) {
    NNTUNE_ASSIGN(found, select("m.id = CAST(?1 AS INTEGER)", id));
  }
  if (found.empty() && id.size() >= kLeastUidDigits) {
    NNTUNE_ASSIGN(found, select("substr(m.uid, 1, length(?1)) = ?1", id));
  }
  if (found.size() > 1) return none("more than one measurement begins with");
  if (found.empty()) return none("there is no measurement");
  return std::move(found.front());
}

Expected<std::vector<std::string>> workloads(const Database& database) {
  const sqlite::Lock lock(database.connection());
  NNTUNE_ASSIGN(auto statement, database.connection().prepare("SELECT text FROM workload ORDER BY hash"));
  std::vector<std::string> result;
  while (true) {
    NNTUNE_ASSIGN(const bool more, statement.step());
    if (!more) return result;
    result.push_back(statement.text(0));
  }
}

Expected<std::map<Hash128, Tried>> tried(const Database& database, std::int64_t target_id, const Hash128& workload_hash) {
  const sqlite::Lock lock(database.connection());
  NNTUNE_ASSIGN(auto statement,
                database.connection().prepare(
                    fmt::format("{} SELECT schedule_hash, verdict, median_ns, object_hash FROM newest", kNewest), target_id,
                    workload_hash.hex()));
  std::map<Hash128, Tried> result;
  while (true) {
    NNTUNE_ASSIGN(const bool more, statement.step());
    if (!more) return result;
    NNTUNE_ASSIGN(const Hash128 schedule, hash_from_hex(statement.text(0)));
    NNTUNE_ASSIGN(const Verdict verdict, verdict_from_string(statement.text(1)));
    NNTUNE_ASSIGN(const auto object_hash, read_hash(statement, 3));
    result.emplace(schedule, Tried{verdict, statement.real(2), object_hash});
  }
}

Expected<std::vector<Fastest>> fastest_by_workload(const Database& database, std::int64_t target_id) {
  const sqlite::Lock lock(database.connection());
  NNTUNE_ASSIGN(auto statement,
                database.connection().prepare(
                    "SELECT w.text, min(m.median_ns), m.dram_read_bytes_per_s FROM measurement m JOIN workload w ON w.hash "
                    "= m.workload_hash"
                    " WHERE m.target_id = ?1 AND m.verdict = 'ok' AND m.place = 'worker' GROUP BY m.workload_hash ORDER BY "
                    "m.workload_hash",
                    target_id));
  std::vector<Fastest> result;
  while (true) {
    NNTUNE_ASSIGN(const bool more, statement.step());
    if (!more) return result;
    result.push_back({statement.text(0), statement.real(1), statement.real(2)});
  }
}

Expected<std::vector<BothPlaces>> both_places(const Database& database, std::int64_t target_id) {
  const sqlite::Lock lock(database.connection());
  NNTUNE_ASSIGN(
      auto statement,
      database.connection().prepare(
          "WITH newest AS (SELECT * FROM (SELECT workload_hash, schedule_hash, place, session_id, median_ns,"
          " dram_read_bytes_per_s, row_number() OVER"
          " (PARTITION BY workload_hash, schedule_hash, place ORDER BY created_at DESC, uid DESC) AS age"
          " FROM measurement WHERE target_id = ?1 AND verdict = 'ok') WHERE age = 1)"
          " SELECT w.text, p.session_id, p.median_ns, p.dram_read_bytes_per_s, a.median_ns, a.dram_read_bytes_per_s"
          " FROM newest p JOIN newest a USING (workload_hash, schedule_hash)"
          " JOIN workload w ON w.hash = p.workload_hash WHERE p.place = 'program' AND a.place = 'worker'"
          " ORDER BY p.workload_hash, p.schedule_hash",
          target_id));
  std::vector<BothPlaces> result;
  while (true) {
    NNTUNE_ASSIGN(const bool more, statement.step());
    if (!more) return result;
    result.push_back({.workload = statement.text(0),
                      .program_session_id = statement.is_null(1) ? std::nullopt : std::optional(statement.integer(1)),
                      .program_ns = statement.real(2),
                      .program_read_bytes_per_s = statement.real(3),
                      .worker_ns = statement.real(4),
                      .worker_read_bytes_per_s = statement.real(5)});
  }
}

Expected<std::vector<ProgramTiming>> program_timings(const Database& database, std::int64_t target_id) {
  const sqlite::Lock lock(database.connection());
  NNTUNE_ASSIGN(auto statement,
                database.connection().prepare(
                    "SELECT m.session_id, w.text, m.schedule_hash, m.median_ns, m.dram_read_bytes_per_s FROM measurement m"
                    " JOIN workload w ON w.hash = m.workload_hash WHERE m.target_id = ?1 AND m.verdict = 'ok'"
                    " AND m.place = 'program' AND m.session_id IS NOT NULL ORDER BY m.created_at, m.uid",
                    target_id));
  std::vector<ProgramTiming> result;
  while (true) {
    NNTUNE_ASSIGN(const bool more, statement.step());
    if (!more) return result;
    NNTUNE_ASSIGN(const Hash128 schedule, hash_from_hex(statement.text(2)));
    result.push_back({statement.integer(0), statement.text(1), schedule, statement.real(3), statement.real(4)});
  }
}

Expected<std::vector<Measurement>> measurements(const Database& database, const Filter& filter) {
  const sqlite::Lock lock(database.connection());
  NNTUNE_ASSIGN(auto statement,
                prepare(database,
                        fmt::format("SELECT {} FROM measurement m JOIN workload w ON w.hash = m.workload_hash{}"
                                    " ORDER BY m.created_at, m.uid",
                                    kColumns, kFilter),
                        filter));
  return read_all(database, std::move(statement));
}

Expected<std::int64_t> count_measurements(const Database& database, const Filter& filter) {
  const sqlite::Lock lock(database.connection());
  NNTUNE_ASSIGN(auto statement, prepare(database, fmt::format("SELECT count(*) FROM measurement m{}", kFilter), filter));
  NNTUNE_TRY(statement.step());
  return statement.integer(0);
}

Expected<std::vector<Session>> sessions(const Database& database) {
  const sqlite::Lock lock(database.connection());
  NNTUNE_ASSIGN(
      auto statement,
      database.connection().prepare(
          "SELECT id, command, model, arguments, target_id, threads, budget_s, nntune_version, started_at, ended_at,"
          " outcome, start_prefill_tok_per_s, start_decode_tok_per_s, result_prefill_tok_per_s, result_decode_tok_per_s,"
          " decode_context, other_load_cores FROM session ORDER BY started_at DESC, uid"));
  std::vector<Session> result;
  while (true) {
    NNTUNE_ASSIGN(const bool more, statement.step());
    if (!more) return result;
    Session session;
    session.id = statement.integer(0);
    session.command = statement.text(1);
    session.model = statement.text(2);
    session.arguments = statement.text(3);
    if (!statement.is_null(4)) session.target_id = statement.integer(4);
    session.threads = static_cast<int>(statement.integer(5));
    session.budget_s = statement.optional_real(6);
    session.nntune_version = statement.text(7);
    session.started_at = statement.text(8);
    session.ended_at = statement.text(9);
    for (const Outcome outcome : {Outcome::done, Outcome::interrupted, Outcome::failed}) {
      if (statement.text(10) == to_string(outcome)) session.outcome = outcome;
    }
    const std::int64_t context = statement.is_null(15) ? 0 : statement.integer(15);
    session.start = read_throughput(statement, 11, context);
    session.result = read_throughput(statement, 13, context);
    session.other_load_cores = statement.optional_real(16);
    result.push_back(std::move(session));
  }
}

}  // namespace nntune::db
