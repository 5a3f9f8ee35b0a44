#include "db/database.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "base/json.h"
#include "base/statistics.h"

namespace nntune::db {
namespace {

/// Messages of a compiler or a crashed child may hold any bytes.
std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// The content that makes two rows the same measurement, on whichever machine and in whichever order they arrive. What was
/// noted beside it (bandwidth, environment) is no part of it.
std::string measurement_uid(const Measurement& m, const std::string& target_uid) {
  Json content = {target_uid,   m.workload,       m.schedule, m.object_hash ? m.object_hash->hex() : "",
                  m.compiler,   m.nntune_version, m.threads,  to_string(m.verdict),
                  m.samples_ns, m.seed,           m.detail,   m.created_at};
  if (m.place != Place::worker) content.push_back(to_string(m.place));  // rows older than the column keep their uid
  return hash128(dump(content)).hex();
}

Status check(const Measurement& m) {
  const auto bug = [&](std::string_view what) {
    return fail(ErrorKind::internal, fmt::format("a measurement of {} {}", m.workload, what), "please report this");
  };
  if (!std::all_of(m.samples_ns.begin(), m.samples_ns.end(), [](double ns) { return std::isfinite(ns) && ns > 0; })) {
    return bug("has a sample that is not a positive time");
  }
  if (m.verdict == Verdict::ok && m.samples_ns.empty()) return bug("is ok without samples");
  if (m.verdict == Verdict::ok && !m.object_hash) return bug("is ok without machine code");
  if (!Json::accept(m.schedule)) return bug("has a schedule that is not JSON");
  if (!m.environment.empty() && !Json::accept(m.environment)) return bug("has an environment that is not JSON");
  return {};
}

std::optional<std::string> hex(const std::optional<Hash128>& hash) {
  return hash ? std::optional(hash->hex()) : std::nullopt;
}

}  // namespace

Expected<std::int64_t> Database::insert_measurement(const Measurement& given) {
  NNTUNE_TRY(check(given));
  Measurement m = given;
  if (m.created_at.empty()) m.created_at = utc_now();
  const std::string workload_hash = m.workload_hash().hex();

  const sqlite::Lock lock(*connection_);
  NNTUNE_ASSIGN(auto transaction, sqlite::Transaction::begin(*connection_));
  {
    NNTUNE_ASSIGN(auto target, connection_->prepare("SELECT uid FROM target WHERE id = ?", m.target_id));
    NNTUNE_ASSIGN(const bool known, target.step());
    if (!known)
      return fail(ErrorKind::internal, fmt::format("target {} is not in {}", m.target_id, path().string()),
                  "please report this");
    m.uid = measurement_uid(m, target.text(0));
  }
  NNTUNE_ASSIGN(auto add_workload,
                connection_->prepare("INSERT INTO workload (hash, text) VALUES (?, ?) ON CONFLICT DO NOTHING", workload_hash,
                                     m.workload));
  NNTUNE_TRY(add_workload.run());
  const double min_ns =
      m.samples_ns.empty() ? Measurement::kUnknown : *std::min_element(m.samples_ns.begin(), m.samples_ns.end());
  NNTUNE_ASSIGN(auto add,
                connection_->prepare(
                    "INSERT INTO main.measurement (uid, target_id, session_id, workload_hash, family, schedule_json,"
                    " schedule_hash, object_hash, compiler, nntune_version, threads, verdict, samples_ns,"
                    " median_ns, min_ns, max_error, tolerance, dram_read_bytes_per_s, seed, detail, created_at,"
                    " place, environment)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (uid) DO NOTHING",
                    m.uid, m.target_id, m.session_id, workload_hash, m.family, m.schedule, m.schedule_hash().hex(),
                    hex(m.object_hash), m.compiler, m.nntune_version, m.threads, to_string(m.verdict), dump(m.samples_ns),
                    median(m.samples_ns), min_ns, m.max_error, m.tolerance, m.dram_read_bytes_per_s, m.seed, m.detail,
                    m.created_at, to_string(m.place), m.environment.empty() ? std::nullopt : std::optional(m.environment)));
  NNTUNE_TRY(add.run());
  NNTUNE_ASSIGN(auto find, connection_->prepare("SELECT id FROM main.measurement WHERE uid = ?", m.uid));
  NNTUNE_TRY(find.step());
  const std::int64_t id = find.integer(0);
  NNTUNE_TRY(transaction.commit());
  return id;
}

Expected<std::int64_t> Database::begin_session(const Session& session) {
  const std::string started_at = session.started_at.empty() ? utc_now() : session.started_at;
  // The process, too: two may begin the same command within a microsecond.
  const Json content = {session.command,        session.model, session.arguments, session.threads,
                        session.nntune_version, started_at,    ::getpid()};
  const sqlite::Lock lock(*connection_);
  NNTUNE_ASSIGN(auto transaction, sqlite::Transaction::begin(*connection_));
  NNTUNE_ASSIGN(auto add, connection_->prepare(
                              "INSERT INTO session (uid, command, model, arguments, target_id, threads, budget_s,"
                              " nntune_version, started_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                              hash128(dump(content)).hex(), session.command, session.model, session.arguments,
                              session.target_id, session.threads, session.budget_s, session.nntune_version, started_at));
  NNTUNE_TRY(add.run());
  const std::int64_t id = connection_->last_insert_id();
  NNTUNE_TRY(transaction.commit());
  return id;
}

Status Database::end_session(std::int64_t id, Outcome outcome, const std::optional<Throughput>& start,
                             const std::optional<Throughput>& result, double other_load_cores) {
  using Speed = std::optional<double>;
  const auto prefill = [](const auto& speed) { return speed ? Speed(speed->prefill_tok_per_s) : Speed(); };
  const auto decode = [](const auto& speed) { return speed ? Speed(speed->decode_tok_per_s) : Speed(); };
  // Start and result are timed behind the same prompt.
  const auto context_of = [](const auto& speed) { return speed ? speed->decode_context : 0; };
  const std::int64_t context = std::max(context_of(start), context_of(result));
  const sqlite::Lock lock(*connection_);
  NNTUNE_ASSIGN(auto transaction, sqlite::Transaction::begin(*connection_));
  NNTUNE_ASSIGN(auto update, connection_->prepare(
                                 "UPDATE session SET ended_at = ?, outcome = ?, start_prefill_tok_per_s = ?,"
                                 " start_decode_tok_per_s = ?, result_prefill_tok_per_s = ?, result_decode_tok_per_s = ?,"
                                 " decode_context = nullif(?, 0), other_load_cores = ? WHERE id = ?",
                                 utc_now(), to_string(outcome), prefill(start), decode(start), prefill(result),
                                 decode(result), context, other_load_cores, id));
  NNTUNE_TRY(update.run());
  if (connection_->changes() != 1)
    return fail(ErrorKind::internal, fmt::format("there is no session {}", id), "please report this");
  return transaction.commit();
}

Status Database::hide_sessions(std::span<const std::int64_t> ids) {
  // A temporary view of this connection stands before the table that it is named after; writing names the table itself.
  std::string sql = "DROP VIEW IF EXISTS temp.measurement;";
  if (!ids.empty()) {
    sql += fmt::format(
        " CREATE TEMP VIEW measurement AS SELECT * FROM main.measurement WHERE session_id IS NULL OR session_id NOT IN "
        "({});",
        fmt::join(ids, ", "));
  }
  const sqlite::Lock lock(*connection_);
  return connection_->execute(sql);
}

}  // namespace nntune::db
