#include "tuner/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

#include "base/json.h"

namespace nntune::tuner {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Snapshot example() {
  return {.title = "search qwen3-0.6b on amd-avx512bf16-2c, 2 threads",
          .stage = "tuning",
          .elapsed_seconds = 42,
          .budget_seconds = 180,
          .measurements = 118,
          .trials = 0,
          .start = {180.4, 21.31, 512},
          .now = {251.2, 27.96, 512},
          .rows = {{"prefill matmul 512x6144x1024 rms+scale", 0.312, 42, 9.81e-3, 0.87, true},
                   {"decode matmul 1x151936x1024", 0.091, 0, std::numeric_limits<double>::infinity(), 0, false}}};
}

TEST(Progress, TableLooksLikeThis) {
  EXPECT_THAT(render_table(example(), 80, 24),
              ElementsAre("nntune search qwen3-0.6b on amd-avx512bf16-2c, 2 threads               2:18 left",
                          "tuning: 118 measured", "start, measured: prefill 180, decode 21.3 tok/s behind 512 tokens",
                          "now, estimated:  prefill 251, decode 28.0 tok/s behind 512 tokens",
                          " workload                                     share  tried      best  roofline",
                          ">prefill matmul 512x6144x1024 rms+scale      31.2 %     42   9.81 ms      87 %",
                          " decode matmul 1x151936x1024                  9.1 %      0         -         -"));
}

TEST(Progress, TableFitsAnyTerminal) {
  Snapshot snapshot = example();
  for (int i = 0; i < 40; ++i) snapshot.rows.push_back({std::string(100, 'x'), 0.01, 123456, 123.4, 1.0, false});
  for (const std::size_t columns : {20U, 40U, 79U, 80U}) {
    const auto table = render_table(snapshot, columns, 10);
    EXPECT_EQ(table.size(), 10U);
    for (const std::string& line : table) EXPECT_LE(line.size(), columns) << line;
  }
}

TEST(Progress, SmallSharesAreSummedUp) {
  Snapshot snapshot = example();
  snapshot.rows.push_back({"a", 0.003, 2, 1e-6, 0.5, false});
  snapshot.rows.push_back({"b", 0.002, 3, 1e-6, 0.5, false});
  EXPECT_EQ(render_rows(snapshot.rows, 80).back(),
            " 2 more                                       0.5 %      5                    ");
}

TEST(Progress, LineSaysWhereTheSearchStands) {
  EXPECT_EQ(
      render_line(example()),
      "[0:42] tuning: 118 measured; start, measured: prefill 180, decode 21.3 tok/s behind 512 tokens; now, estimated: "
      "prefill 251, decode 28.0 tok/s behind 512 tokens; 2:18 left");
}

TEST(Progress, NoArrowJoinsWhatIsMeasuredAndWhatIsEstimated) {
  Snapshot snapshot = example();
  EXPECT_THAT(render_line(snapshot), ::testing::Not(HasSubstr("->")));
  for (const std::string& line : render_table(snapshot, 80, 24)) EXPECT_THAT(line, ::testing::Not(HasSubstr("->")));
  snapshot.start = {};
  EXPECT_THAT(render_line(snapshot), HasSubstr("start, measured: prefill ?, decode ? tok/s; now, estimated: prefill 251"));
}

TEST(Progress, RowsAreNamedByPhaseAndWorkload) {
  const auto name = [](const char* text) { return row_name(schedule::Workload::parse(text).value()); };
  EXPECT_EQ(
      name("matmul{rms(1e-06,0)|scale;add}(f32[512,64],f32[64],bf16[96,64]<0:32,1:2>,f32[512,96])->f32[512,96] past=0 t=2"),
      "prefill 512 matmul 64->96 rms(1e-06,0)|scale ; add bf16<0:32,1:2>");
  EXPECT_EQ(name("argmax{}(f32[1,64])->i32[1] past=0 t=2"), "decode argmax f32[1,64]");
}

/// What a FILE* received.
class Captured {
 public:
  Captured() : file_(open_memstream(&data_, &size_)) {}
  ~Captured() {
    std::fclose(file_);
    std::free(data_);  // NOLINT: open_memstream allocates with malloc
  }
  std::FILE* file() { return file_; }
  std::string text() {
    std::fflush(file_);
    return {data_, size_};
  }

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* file_;
};

TEST(Progress, PipedOutputIsOneLinePerStageNotPerUpdate) {
  Captured text;
  Captured json;
  Progress progress(Progress::Style::lines, text.file(), json.file());
  for (int i = 0; i < 1000; ++i) progress.update(example());
  EXPECT_EQ(text.text(), render_line(example()) + "\n");
  EXPECT_EQ(json.text(), "");
}

TEST(Progress, TableIsRedrawnInPlace) {
  Captured text;
  Captured json;
  Progress progress(Progress::Style::table, text.file(), json.file());
  progress.update(example(), true);
  const std::string first = text.text();
  progress.update(example(), true);
  const std::string second = text.text().substr(first.size());
  EXPECT_THAT(first, StartsWith("nntune search"));
  EXPECT_THAT(second, StartsWith("\x1b[7Anntune search"));  // up over the seven lines
  EXPECT_THAT(second, ::testing::Not(HasSubstr("\x1b[2J")));
}

TEST(Progress, EventsAreJsonLinesAndTheLastIsDone) {
  Captured text;
  Captured json;
  Progress progress(Progress::Style::events, text.file(), json.file());
  progress.update(example());
  progress.finish({"a summary"}, {{"event", "done"}, {"measurements", 3}});
  const std::string output = json.text();
  std::vector<Json> events;
  for (std::size_t begin = 0; begin < output.size();) {
    const std::size_t end = output.find('\n', begin);
    events.push_back(Json::parse(output.substr(begin, end - begin)));
    begin = end + 1;
  }
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0]["event"], "progress");
  EXPECT_EQ(events[1]["event"], "done");
  EXPECT_EQ(text.text(), "");
}

}  // namespace
}  // namespace nntune::tuner
