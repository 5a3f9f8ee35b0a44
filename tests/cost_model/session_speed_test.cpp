#include "cost_model/session_speed.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "compiler/schedule/workload.h"

namespace nntune::cost_model {
namespace {

std::string cast_of(std::int64_t rows, std::int64_t columns) {
  const auto workload =
      schedule::Workload::make(graph::rowwise({{.kind = graph::StepKind::cast, .dtype = graph::DType::f32}}),
                               {{graph::DType::f32, {rows, columns}, {}}}, 0, 1);
  return workload->text();
}

/// `count` kernels of so many rows timed in one session, each taking its number of columns times `ns`.
std::vector<db::ProgramTiming> session(std::int64_t id, std::int64_t rows, std::int64_t first, std::int64_t count,
                                       double ns) {
  std::vector<db::ProgramTiming> timings;
  for (std::int64_t i = first; i < first + count; ++i) {
    timings.push_back({id, cast_of(rows, 16 * i), hash128("schedule"), static_cast<double>(i) * ns, {}});
  }
  return timings;
}

std::vector<db::ProgramTiming> joined(std::vector<std::vector<db::ProgramTiming>> parts) {
  std::vector<db::ProgramTiming> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

TEST(SessionSpeeds, TimesOfAnOlderSessionAreThoseOfTheNewestMachine) {
  const SessionSpeeds speeds(joined({session(1, 512, 1, 9, 1.0), session(2, 512, 1, 5, 1.25)}));
  EXPECT_DOUBLE_EQ(speeds.to_newest(1, false), 1.25);
  EXPECT_DOUBLE_EQ(speeds.to_newest(2, false), 1);
  EXPECT_DOUBLE_EQ(speeds.to_newest(3, false), 1) << "not known";
}

TEST(SessionSpeeds, ASessionIsComparedThroughOthersThatShareMoreWithIt) {
  // The oldest shares nothing with the newest, but with the one between them.
  const SessionSpeeds speeds(joined({session(1, 512, 1, 4, 1.0), session(2, 512, 1, 8, 2.0), session(3, 512, 5, 4, 3.0)}));
  EXPECT_DOUBLE_EQ(speeds.to_newest(2, false), 1.5);
  EXPECT_DOUBLE_EQ(speeds.to_newest(1, false), 3);
}

TEST(SessionSpeeds, DecodeAndPrefillAreApart) {
  const SessionSpeeds speeds(
      joined({session(1, 512, 1, 4, 1.0), session(1, 1, 1, 4, 1.0), session(2, 512, 1, 4, 1.1), session(2, 1, 1, 4, 2.0)}));
  EXPECT_DOUBLE_EQ(speeds.to_newest(1, false), 1.1);
  EXPECT_DOUBLE_EQ(speeds.to_newest(1, true), 2.0);
}

TEST(SessionSpeeds, FewInCommonTellNothing) {
  const SessionSpeeds speeds(joined({session(1, 512, 1, 4, 1.0), session(2, 512, 3, 2, 2.0)}));
  EXPECT_DOUBLE_EQ(speeds.to_newest(1, false), 1);
}

TEST(SessionSpeeds, OneKernelThatBecameFasterDoesNotMoveTheMedian) {
  auto timings = joined({session(1, 512, 1, 5, 1.0), session(2, 512, 1, 5, 1.2)});
  timings.back().median_ns = 1;
  const SessionSpeeds speeds(timings);
  EXPECT_DOUBLE_EQ(speeds.to_newest(1, false), 1.2);
}

TEST(SessionSpeeds, SmallKernelsWithOtherNeighboursDoNotMoveTheMedian) {
  auto timings = joined({session(1, 512, 1, 5, 1.0), session(1, 512, 1000, 3, 1.0), session(2, 512, 1, 5, 3.0),
                         session(2, 512, 1000, 3, 1.1)});
  EXPECT_DOUBLE_EQ(SessionSpeeds(timings).to_newest(1, false), 1.1);
}

}  // namespace
}  // namespace nntune::cost_model
