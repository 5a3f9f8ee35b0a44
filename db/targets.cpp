// Targets of the same kind are one row: machines are recognised by what they do, never by name.
#include <fmt/format.h>

#include <optional>
#include <tuple>

#include "base/hash.h"
#include "base/json.h"
#include "db/database.h"
#include "db/query.h"

namespace nntune::db {

Expected<std::vector<TargetRecord>> targets(const Database& database) {
  const sqlite::Lock lock(database.connection());
  NNTUNE_ASSIGN(auto statement,
                database.connection().prepare(
                    "SELECT id, json, latest_json, first_seen, last_seen FROM target ORDER BY first_seen, uid"));
  std::vector<TargetRecord> result;
  while (true) {
    NNTUNE_ASSIGN(const bool more, statement.step());
    if (!more) return result;
    TargetRecord record;
    record.id = statement.integer(0);
    for (const int column : {1, 2}) {
      NNTUNE_ASSIGN(const Json json, parse_json(statement.text(column), "target"));
      auto target = Target::from_json(json);
      if (!target) {
        return fail(
            ErrorKind::bad_input,
            fmt::format("{} holds a damaged target {} ({})", database.path().string(), record.id, target.error().what),
            "restore it from a copy, or move it away to begin an empty one");
      }
      (column == 1 ? record.target : record.latest) = std::move(*target);
    }
    record.first_seen = statement.text(3);
    record.last_seen = statement.text(4);
    result.push_back(std::move(record));
  }
}

Expected<std::optional<TargetRecord>> find_target(const Database& database, const Target& target) {
  NNTUNE_ASSIGN(auto known, targets(database));
  TargetRecord* found = nullptr;
  for (TargetRecord& record : known) {
    // Default peaks say nothing about a measured machine; measured ones are the better answer for a probed machine.
    if (target.measured && !record.target.measured) continue;
    if (!record.target.same_kind(target)) continue;
    const auto rank = [](const TargetRecord& r) { return std::tie(r.target.measured, r.last_seen); };
    if (found == nullptr || rank(*found) < rank(record)) found = &record;
  }
  return found == nullptr ? std::nullopt : std::optional(std::move(*found));
}

Expected<std::int64_t> Database::record_target(const Target& target) {
  const sqlite::Lock lock(*connection_);
  // The search and the insert are one transaction: two processes that meet on a new machine add it once.
  NNTUNE_ASSIGN(auto transaction, sqlite::Transaction::begin(*connection_));
  NNTUNE_ASSIGN(const auto known, find_target(*this, target));
  const std::string json = target.to_json().dump();
  const std::string now = utc_now();
  if (known) {
    if (target.measured) {
      // A run beside others, or in a slow mode of the memory, must not move what all rows are judged by.
      const std::string best = known->latest.best_with(target).to_json().dump();
      NNTUNE_ASSIGN(auto update, connection_->prepare("UPDATE target SET latest_json = ?, last_seen = ? WHERE id = ?", best,
                                                      now, known->id));
      NNTUNE_TRY(update.run());
    }
    NNTUNE_TRY(transaction.commit());
    return known->id;
  }
  NNTUNE_ASSIGN(auto insert,
                connection_->prepare("INSERT INTO target (uid, short_name, json, latest_json, first_seen, last_seen)"
                                     " VALUES (?, ?, ?, ?, ?, ?)",
                                     hash128(json).hex(), target.short_name, json, json, now, now));
  NNTUNE_TRY(insert.run());
  const std::int64_t id = connection_->last_insert_id();
  NNTUNE_TRY(transaction.commit());
  return id;
}

}  // namespace nntune::db
