#include "db/stats.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <system_error>

#include "base/json.h"
#include "db/migrations.h"

namespace nntune::db {
namespace {

using sqlite::Statement;

/// Calls `take` for each row of `sql`.
template <class Take>
Status for_each_row(const Database& database, std::string_view sql, Take take) {
  NNTUNE_ASSIGN(Statement statement, database.connection().prepare(sql));
  while (true) {
    NNTUNE_ASSIGN(const bool more, statement.step());
    if (!more) return {};
    NNTUNE_TRY(take(statement));
  }
}

std::int64_t size_or_zero(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : static_cast<std::int64_t>(size);
}

Status collect_targets(const Database& database, Stats& stats) {
  return for_each_row(
      database,
      "SELECT t.id, t.short_name, count(m.id), count(DISTINCT m.workload_hash), t.first_seen, t.last_seen"
      " FROM target t LEFT JOIN measurement m ON m.target_id = t.id GROUP BY t.id ORDER BY t.first_seen, t.uid",
      [&](const Statement& row) -> Status {
        stats.targets.push_back({row.integer(0), row.text(1), row.integer(2), row.integer(3), row.text(4), row.text(5)});
        return {};
      });
}

Status collect_families(const Database& database, Stats& stats) {
  NNTUNE_TRY(for_each_row(database,
                          "SELECT family, count(DISTINCT workload_hash), count(*), sum(verdict = 'ok') FROM"
                          " (SELECT *, row_number() OVER (PARTITION BY target_id, workload_hash, schedule_hash"
                          "                               ORDER BY created_at DESC, uid DESC) AS age FROM measurement"
                          "  WHERE place = 'worker') WHERE age = 1 GROUP BY family ORDER BY 3 DESC, 1",
                          [&](const Statement& row) -> Status {
                            stats.families.push_back({row.text(0), row.integer(1), row.integer(2), row.integer(3)});
                            return {};
                          }));
  std::map<std::string, std::pair<double, int>> log_gains;
  NNTUNE_TRY(
      for_each_row(database,
                   "SELECT f.family, f.median_ns, b.median_ns FROM"
                   " (SELECT *, row_number() OVER (PARTITION BY target_id, workload_hash ORDER BY created_at, uid) AS nth"
                   "  FROM measurement WHERE verdict = 'ok' AND place = 'worker') f JOIN"
                   " (SELECT target_id, workload_hash, min(median_ns) AS median_ns FROM"
                   "  (SELECT *, row_number() OVER (PARTITION BY target_id, workload_hash, schedule_hash"
                   "                                ORDER BY created_at DESC, uid DESC) AS age FROM measurement"
                   "   WHERE place = 'worker') WHERE age = 1 AND verdict = 'ok' GROUP BY target_id, workload_hash) b"
                   " ON b.target_id = f.target_id AND b.workload_hash = f.workload_hash WHERE f.nth = 1",
                   [&](const Statement& row) -> Status {
                     auto& [sum, count] = log_gains[row.text(0)];
                     sum += std::log(row.real(1) / row.real(2));
                     ++count;
                     return {};
                   }));
  for (Stats::FamilyRow& family : stats.families) {
    if (const auto found = log_gains.find(family.family); found != log_gains.end()) {
      family.gain = std::exp(found->second.first / found->second.second);
    }
  }
  return {};
}

std::string size_text(std::int64_t bytes) {
  if (bytes < 10'000) return fmt::format("{} bytes", bytes);
  if (bytes < 10'000'000) return fmt::format("{:.0f} kB", static_cast<double>(bytes) * 1e-3);
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) * 1e-6);
}

/// "2025-03-09 14:05" of an ISO time.
std::string minute(const std::string& time) {
  std::string text = time.substr(0, 16);
  if (text.size() > 10) text[10] = ' ';
  return text;
}

std::string cut(const std::string& text, std::size_t width) {
  return text.size() <= width ? text : text.substr(0, width - 3) + "...";
}

std::string plural(std::int64_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

}  // namespace

Expected<Stats> collect_stats(const Database& database) {
  const sqlite::Lock lock(database.connection());
  NNTUNE_ASSIGN(const auto moment, sqlite::Transaction::begin_reading(database.connection()));
  Stats stats;
  stats.path = database.path();
  NNTUNE_ASSIGN(stats.schema, read_schema_version(database.connection(), schema_version()));
  for (const Verdict verdict : kVerdicts) stats.by_verdict[verdict] = 0;
  NNTUNE_TRY(for_each_row(database, "SELECT verdict, count(*) FROM measurement GROUP BY verdict",
                          [&](const Statement& row) -> Status {
                            NNTUNE_ASSIGN(const Verdict verdict, verdict_from_string(row.text(0)));
                            stats.by_verdict[verdict] = row.integer(1);
                            stats.measurements += row.integer(1);
                            return {};
                          }));
  NNTUNE_ASSIGN(stats.workloads, database.connection().integer("SELECT count(*) FROM workload"));
  NNTUNE_ASSIGN(stats.sessions, database.connection().integer("SELECT count(*) FROM session"));
  NNTUNE_TRY(for_each_row(database, "SELECT max(created_at) FROM measurement", [&](const Statement& row) -> Status {
    stats.last_measured_at = row.text(0);
    return {};
  }));
  NNTUNE_TRY(collect_targets(database, stats));
  NNTUNE_TRY(collect_families(database, stats));
  stats.size_bytes = size_or_zero(stats.path) + size_or_zero(stats.path.string() + "-wal");
  return stats;
}

Json Stats::to_json() const {
  Json json = {{"path", path.string()},
               {"schema", schema},
               {"size_bytes", size_bytes},
               {"measurements", measurements},
               {"workloads", workloads},
               {"sessions", sessions},
               {"last_measured_at", last_measured_at.empty() ? Json() : Json(last_measured_at)},
               {"targets", Json::array()},
               {"verdicts", Json::object()},
               {"families", Json::array()}};
  for (const TargetRow& row : targets) {
    json["targets"].push_back({{"id", row.id},
                               {"short_name", row.short_name},
                               {"measurements", row.measurements},
                               {"workloads", row.workloads},
                               {"first_seen", row.first_seen},
                               {"last_seen", row.last_seen}});
  }
  for (const auto& [verdict, count] : by_verdict) json["verdicts"][std::string(to_string(verdict))] = count;
  for (const FamilyRow& row : families) {
    json["families"].push_back({{"family", row.family},
                                {"workloads", row.workloads},
                                {"tried", row.tried},
                                {"ok", row.ok},
                                {"gain", std::isnan(row.gain) ? Json() : Json(row.gain)}});
  }
  return json;
}

std::string render(const Stats& stats) {
  std::string text;
  const auto line = [&text]<class... Args>(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
    text += '\n';
  };
  line("{}", stats.path.string());
  if (stats.size_bytes == 0) {
    line("  holds nothing yet: `nntune search MODEL` fills it");
    return text;
  }
  line("  {}, {}, {}", plural(stats.measurements, "measurement"), plural(stats.workloads, "workload"),
       plural(stats.sessions, "session"));
  line("  {}, schema {}{}", size_text(stats.size_bytes), stats.schema,
       stats.last_measured_at.empty() ? "" : fmt::format(", last measurement {} UTC", minute(stats.last_measured_at)));
  if (!stats.targets.empty()) {
    line("\n{:<32} {:>9} {:>9}  {:<10}  {:<10}", "target", "measured", "workloads", "first seen", "last seen");
    for (const auto& row : stats.targets) {
      line("{:<32} {:>9} {:>9}  {:<10}  {:<10}", cut(row.short_name, 32), row.measurements, row.workloads,
           row.first_seen.substr(0, 10), row.last_seen.substr(0, 10));
    }
  }
  if (stats.measurements == 0) return text;
  line("\n{:<32} {:>9} {:>9}", "verdict", "measured", "share");
  for (const auto& [verdict, count] : stats.by_verdict) {
    line("{:<32} {:>9} {:>7.1f} %", to_string(verdict), count,
         100.0 * static_cast<double>(count) / static_cast<double>(stats.measurements));
  }
  line("\n{:<32} {:>9} {:>9} {:>9} {:>14}", "family", "workloads", "tried", "ok", "best vs first");
  for (const auto& row : stats.families) {
    line("{:<32} {:>9} {:>9} {:>9} {:>14}", cut(row.family, 32), row.workloads, row.tried, row.ok,
         std::isnan(row.gain) ? "-" : fmt::format("{:.2f}x", row.gain));
  }
  return text;
}

}  // namespace nntune::db
