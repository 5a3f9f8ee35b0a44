#include "tuner/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "base/duration.h"
#include "base/json.h"
#include "compiler/schedule/short_name.h"

namespace nntune::tuner {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kColumns = 80;
constexpr std::size_t kNameColumns = 44;
constexpr double kSmallShare = 0.005;
constexpr std::chrono::milliseconds kTableInterval{200};
constexpr std::chrono::seconds kLineInterval{10};

std::string cut(std::string text, std::size_t columns) {
  if (text.size() > columns) {
    text.resize(columns);
    if (columns > 2) text.replace(columns - 2, 2, "..");
  }
  return text;
}

/// `left` and `right` at the ends of a line.
std::string justify(const std::string& left, const std::string& right, std::size_t columns) {
  if (left.size() + right.size() + 1 > columns) {
    return right.size() + 4 > columns ? cut(left, columns)
                                      : fmt::format("{} {}", cut(left, columns - right.size() - 1), right);
  }
  return left + std::string(columns - left.size() - right.size(), ' ') + right;
}

std::string time_text(const Snapshot& snapshot) {
  if (snapshot.budget_seconds > 0) {
    return clock_text(std::max(0.0, snapshot.budget_seconds - snapshot.elapsed_seconds)) + " left";
  }
  if (snapshot.trials > 0) return fmt::format("{} of {} trials", snapshot.measurements, snapshot.trials);
  return clock_text(snapshot.elapsed_seconds);
}

/// "prefill 180, decode 21.3 tok/s behind 512 tokens"; "?" where it is not known.
std::string speed_text(const db::Throughput& speed) {
  const auto one = [](double value) {
    return value <= 0 ? "?" : value < 99.95 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
  };
  const std::string context = speed.decode_context > 0 ? fmt::format(" behind {} tokens", speed.decode_context) : "";
  return fmt::format("prefill {}, decode {} tok/s{}", one(speed.prefill_tok_per_s), one(speed.decode_tok_per_s), context);
}

}  // namespace

std::string row_name(const schedule::Workload& workload) {
  const auto& shape = workload.inputs.front().shape;
  const std::int64_t rows = shape.empty() ? 1 : shape.front();
  return fmt::format("{} {}", rows == 1 ? "decode" : fmt::format("prefill {}", rows), schedule::short_name(workload));
}

std::vector<std::string> render_rows(const std::vector<Snapshot::Row>& rows, std::size_t columns) {
  std::vector<std::string> table;
  if (rows.empty()) return table;
  const auto line = [&](std::string_view mark, const std::string& name, const std::string& share, const std::string& tried,
                        const std::string& best, const std::string& roofline) {
    table.push_back(cut(fmt::format("{}{:<{}} {:>6} {:>6} {:>9} {:>9}", mark, cut(name, kNameColumns - 1), kNameColumns - 1,
                                    share, tried, best, roofline),
                        columns));
  };
  line(" ", "workload", "share", "tried", "best", "roofline");
  Snapshot::Row rest;
  std::int64_t few = 0;
  for (const Snapshot::Row& r : rows) {
    if (r.share < kSmallShare && !r.active) {
      rest.share += r.share;
      rest.tried += r.tried;
      ++few;
      continue;
    }
    line(r.active ? ">" : " ", r.name, fmt::format("{:.1f} %", r.share * 100), std::to_string(r.tried),
         format_seconds(r.best_seconds), std::isfinite(r.best_seconds) ? fmt::format("{:.0f} %", r.roofline * 100) : "-");
  }
  if (few > 0)
    line(" ", fmt::format("{} more", few), fmt::format("{:.1f} %", rest.share * 100), std::to_string(rest.tried), "", "");
  return table;
}

std::vector<std::string> render_table(const Snapshot& snapshot, std::size_t columns, std::size_t lines) {
  std::vector<std::string> table;
  table.push_back(justify(fmt::format("nntune {}", snapshot.title), time_text(snapshot), columns));
  table.push_back(cut(fmt::format("{}: {} measured", snapshot.stage, snapshot.measurements), columns));
  table.push_back(cut("start, measured: " + speed_text(snapshot.start), columns));
  table.push_back(cut("now, estimated:  " + speed_text(snapshot.now), columns));
  for (std::string& line : render_rows(snapshot.rows, columns)) table.push_back(std::move(line));
  if (table.size() > lines) table.resize(lines);
  return table;
}

std::string render_line(const Snapshot& snapshot) {
  return fmt::format("[{}] {}: {} measured; start, measured: {}; now, estimated: {}; {}",
                     clock_text(snapshot.elapsed_seconds), snapshot.stage, snapshot.measurements, speed_text(snapshot.start),
                     speed_text(snapshot.now), time_text(snapshot));
}

Progress::Style Progress::style_for(std::FILE* text, bool json) {
  if (json) return Style::events;
  const char* terminal = std::getenv("TERM");
  const bool capable = terminal != nullptr && std::string_view(terminal) != "dumb";
  return capable && isatty(fileno(text)) != 0 ? Style::table : Style::lines;
}

void Progress::update(const Snapshot& snapshot, bool now) {
  const Clock::time_point time = Clock::now();
  const bool new_stage = snapshot.stage != last_stage_;
  const Clock::duration interval = style_ == Style::table ? Clock::duration(kTableInterval) : Clock::duration(kLineInterval);
  if (!now && !new_stage && time - last_ < interval) return;
  last_ = time;
  last_stage_ = snapshot.stage;
  switch (style_) {
    case Style::table: draw(snapshot); break;
    case Style::lines:
      fmt::print(text_, "{}\n", render_line(snapshot));
      std::fflush(text_);
      break;
    case Style::events:
      event({{"event", "progress"},
             {"stage", snapshot.stage},
             {"elapsed_s", snapshot.elapsed_seconds},
             {"measurements", snapshot.measurements},
             {"estimate",
              {{"prefill", snapshot.now.prefill_tok_per_s},
               {"decode", snapshot.now.decode_tok_per_s},
               {"decode_context", snapshot.now.decode_context}}}});
      break;
  }
}

void Progress::draw(const Snapshot& snapshot) {
  std::size_t columns = kColumns;
  std::size_t lines = 24;
  winsize size{};
  if (ioctl(fileno(text_), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    columns = std::min<std::size_t>(kColumns, size.ws_col - (size.ws_col > kColumns ? 0U : 1U));
    lines = size.ws_row;
  }
  const std::vector<std::string> table = render_table(snapshot, columns, lines > 2 ? lines - 1 : 1);
  // One write of lines that overwrite the old ones: nothing is cleared first, so nothing flickers.
  std::string frame = drawn_lines_ > 0 ? fmt::format("\x1b[{}A", drawn_lines_) : "";
  for (const std::string& line : table) frame += line + "\x1b[K\n";
  frame += "\x1b[J";
  std::fwrite(frame.data(), 1, frame.size(), text_);
  std::fflush(text_);
  drawn_lines_ = table.size();
}

void Progress::leave_table() { drawn_lines_ = 0; }

void Progress::note(std::string_view line) {
  if (style_ == Style::events) event({{"event", "note"}, {"text", line}});
  // Above the table: it is overwritten and drawn again below.
  const std::string up = drawn_lines_ > 0 ? fmt::format("\x1b[{}A\x1b[J", drawn_lines_) : "";
  fmt::print(text_, "{}{}\n", up, line);
  std::fflush(text_);
  leave_table();
  last_ = {};
}

void Progress::event(const Json& event) {
  if (style_ != Style::events) return;
  fmt::print(json_, "{}\n", event.dump());
  std::fflush(json_);
}

void Progress::finish(const std::vector<std::string>& summary, const Json& done) {
  leave_table();
  if (style_ == Style::events) {
    event(done);
    return;
  }
  for (const std::string& line : summary) fmt::print(text_, "{}\n", line);
  std::fflush(text_);
}

}  // namespace nntune::tuner
