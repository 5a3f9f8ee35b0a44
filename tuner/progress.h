/// What a search shows while it runs: a live table on a terminal, a line now and then elsewhere, JSON events for programs.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "compiler/schedule/workload.h"
#include "db/records.h"

namespace nntune::tuner {

/// Where the search stands.
struct Snapshot {
  struct Row {
    std::string name;         ///< of the workload, short
    double share = 0;         ///< of the time of its phases, 0..1
    std::int64_t tried = 0;   ///< schedules, of earlier sessions too
    double best_seconds = 0;  ///< infinity: none yet
    double roofline = 0;      ///< lower bound over best, 0..1
    bool active = false;      ///< being tuned now
  };
  std::string title;  ///< e.g. "search qwen3-0.6b on amd-avx512bf16-2c, 2 threads"
  std::string stage;  ///< e.g. "tuning", "measuring the start"
  double elapsed_seconds = 0;
  double budget_seconds = 0;  ///< 0: none
  std::int64_t measurements = 0;
  std::int64_t trials = 0;  ///< budget of measurements, 0: none
  db::Throughput start;     ///< measured; zeros: not yet
  db::Throughput now;       ///< estimated from today's costs; stands apart, for it is no figure of the same kind
  std::vector<Row> rows;    ///< the largest share first
};

/// e.g. "prefill 512 matmul 1024->6144 rms(1e-06,0)|scale bf16<0:64,1:2>".
[[nodiscard]] std::string row_name(const schedule::Workload& workload);

/// The rows of the table below their heading; those of less than half a percent are summed up in one.
[[nodiscard]] std::vector<std::string> render_rows(const std::vector<Snapshot::Row>& rows, std::size_t columns);

/// The table: no line longer than `columns`, no more lines than `lines`.
[[nodiscard]] std::vector<std::string> render_table(const Snapshot& snapshot, std::size_t columns, std::size_t lines);

/// The same in one line.
[[nodiscard]] std::string render_line(const Snapshot& snapshot);

class Progress {
 public:
  enum class Style {
    table,   ///< redrawn in place on `text`
    lines,   ///< on `text`
    events,  ///< JSON, one a line, on `json`; nothing on `text` but notes
  };
  /// Table if `text` is a terminal.
  [[nodiscard]] static Style style_for(std::FILE* text, bool json);

  Progress(Style style, std::FILE* text, std::FILE* json) : style_(style), text_(text), json_(json) {}
  ~Progress() { leave_table(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Shows the state, if it is time to: call it as often as convenient. `now` shows it in any case.
  void update(const Snapshot& snapshot, bool now = false);
  /// A line that stays, e.g. how much was reused.
  void note(std::string_view line);
  /// A JSON event; nothing in the other styles.
  void event(const Json& event);
  /// Ends the table and prints the summary (human styles) or the last event.
  void finish(const std::vector<std::string>& summary, const Json& done);

 private:
  void draw(const Snapshot& snapshot);
  void leave_table();

  Style style_;
  std::FILE* text_;
  std::FILE* json_;
  std::size_t drawn_lines_ = 0;
  std::chrono::steady_clock::time_point last_{};
  std::string last_stage_;
};

}  // namespace nntune::tuner
