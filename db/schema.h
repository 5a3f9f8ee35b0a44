/// The tables of the tuning database as SQL; docs/database.md explains them. A released version is never edited: a change is
/// a new migration (db/migrations.h).
#pragma once

#include <cstdint>
#include <string_view>

namespace nntune::db {

/// Marks the file as nntune's in SQLite's header (PRAGMA application_id): "NNTN".
inline constexpr std::int32_t kApplicationId = 0x4e4e544e;

inline constexpr std::string_view kSchema1 = R"sql(
CREATE TABLE target (
  id          INTEGER PRIMARY KEY,
  uid         TEXT NOT NULL UNIQUE,                            -- hash of json: the same row on every machine
  short_name  TEXT NOT NULL,                                   -- for people, e.g. amd-avx512bf16-2c
  json        TEXT NOT NULL CHECK (json_valid(json)),          -- as first measured: the identity
  latest_json TEXT NOT NULL CHECK (json_valid(latest_json)),   -- as last measured: bandwidths drift
  first_seen  TEXT NOT NULL,
  last_seen   TEXT NOT NULL
) STRICT;

CREATE TABLE workload (
  hash TEXT PRIMARY KEY CHECK (length(hash) = 32),
  text TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
  id                        INTEGER PRIMARY KEY,
  uid                       TEXT NOT NULL UNIQUE,
  command                   TEXT NOT NULL,                     -- search, nightly, ...
  model                     TEXT NOT NULL,
  arguments                 TEXT NOT NULL,
  target_id                 INTEGER REFERENCES target(id),
  threads                   INTEGER NOT NULL,
  budget_s                  REAL,
  nntune_version            TEXT NOT NULL,
  started_at                TEXT NOT NULL,
  ended_at                  TEXT,                              -- NULL: still running, or killed
  outcome                   TEXT CHECK (outcome IN ('done', 'interrupted', 'failed')),
  start_prefill_tok_per_s   REAL,
  start_decode_tok_per_s    REAL,
  result_prefill_tok_per_s  REAL,
  result_decode_tok_per_s   REAL
) STRICT;

CREATE TABLE measurement (
  id                    INTEGER PRIMARY KEY,
  uid                   TEXT NOT NULL UNIQUE,                  -- hash of the content: merging twice adds nothing
  target_id             INTEGER NOT NULL REFERENCES target(id),
  session_id            INTEGER REFERENCES session(id),
  workload_hash         TEXT NOT NULL REFERENCES workload(hash),
  family                TEXT NOT NULL,                         -- matmul, attention, ...
  schedule_json         TEXT NOT NULL CHECK (json_valid(schedule_json)),
  schedule_hash         TEXT NOT NULL CHECK (length(schedule_hash) = 32),
  object_hash           TEXT CHECK (length(object_hash) = 32), -- of the machine code timed; NULL: none was made
  compiler              TEXT NOT NULL,                         -- e.g. llvm 19.1.7
  nntune_version        TEXT NOT NULL,
  threads               INTEGER NOT NULL CHECK (threads > 0),
  verdict               TEXT NOT NULL
                        CHECK (verdict IN ('ok', 'wrong_result', 'crash', 'timeout', 'out_of_memory', 'compile_error')),
  samples_ns            TEXT NOT NULL CHECK (json_valid(samples_ns)),
  median_ns             REAL,
  min_ns                REAL,
  max_error             REAL,                                  -- against the reference; NULL: not compared, or NaN
  tolerance             REAL,
  dram_read_bytes_per_s REAL,                                  -- at that time; NULL: not known
  seed                  INTEGER NOT NULL,                      -- of the random inputs
  detail                TEXT NOT NULL,                         -- e.g. the signal or the compiler's message
  created_at            TEXT NOT NULL,                         -- UTC, ISO 8601 with microseconds
  CHECK (verdict <> 'ok' OR (ifnull(median_ns, 0) > 0 AND ifnull(min_ns, 0) > 0 AND object_hash IS NOT NULL))
) STRICT;

CREATE INDEX measurement_candidate ON measurement (target_id, workload_hash, schedule_hash, created_at);
)sql";

inline constexpr std::string_view kSchema2 = R"sql(
ALTER TABLE measurement ADD COLUMN
  place TEXT NOT NULL DEFAULT 'worker' CHECK (place IN ('worker', 'program')); -- alone in a worker, or in its whole program
)sql";

inline constexpr std::string_view kSchema3 = R"sql(
ALTER TABLE measurement ADD COLUMN
  environment TEXT CHECK (environment IS NULL OR json_valid(environment)); -- what the machine did meanwhile; NULL: not known
)sql";

inline constexpr std::string_view kSchema4 = R"sql(
ALTER TABLE session ADD COLUMN
  decode_context INTEGER CHECK (decode_context > 0);     -- tokens in the KV cache where its decode began; NULL: not known
ALTER TABLE session ADD COLUMN
  other_load_cores REAL CHECK (other_load_cores >= 0);   -- what other processes took meanwhile; NULL: not known
)sql";

}  // namespace nntune::db
