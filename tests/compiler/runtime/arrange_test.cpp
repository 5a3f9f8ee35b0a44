#include "compiler/runtime/arrange.h"

#include <gtest/gtest.h>

namespace nntune::runtime {
namespace {

using Kind = Operand::Kind;

Operand buffer(std::size_t index) { return {Kind::buffer, index}; }

Section section(std::size_t buffers, std::vector<Step> steps, std::vector<Operand> outputs) {
  return {"body", 1, std::vector<Buffer>(buffers, {1024, 16, 4}), std::move(steps), std::move(outputs)};
}

TEST(Arrange, ThreadsWaitOnlyWhereAStepNeedsAnEarlierOne) {
  const Section s = section(5,
                            {{0, {{Kind::x}, buffer(0)}},                     // writes 0
                             {0, {{Kind::x}, buffer(1)}},                     // independent
                             {0, {buffer(0), buffer(1), buffer(2)}},          // reads both
                             {0, {buffer(0), buffer(3)}},                     // 0 is from before the wait
                             {0, {buffer(0), {Kind::state}, {Kind::state}}},  // states are resources of their own
                             {0, {buffer(0), {Kind::state, 1}, {Kind::state, 1}}},
                             {0, {buffer(3), {Kind::state, 0}, {Kind::state, 1}, buffer(4)}}},
                            {buffer(4)});
  EXPECT_EQ(arrange(s, false).wait_before, (std::vector<bool>{false, false, true, false, false, false, true}));
}

TEST(Arrange, OverwritingWhatWasReadWaits) {
  const Section s =
      section(2, {{0, {{Kind::x}, buffer(0)}}, {0, {buffer(0), buffer(1)}}, {0, {{Kind::x}, buffer(0)}}}, {buffer(1)});
  EXPECT_EQ(arrange(s, false).wait_before, (std::vector<bool>{false, true, true}));
}

TEST(Arrange, BuffersShareMemoryOnlyAcrossAWait) {
  // 0 -> 1 -> 2 -> 3: 0 and 2 may share, and 1 and 3, never neighbours.
  const Section s = section(
      4,
      {{0, {{Kind::x}, buffer(0)}}, {0, {buffer(0), buffer(1)}}, {0, {buffer(1), buffer(2)}}, {0, {buffer(2), buffer(3)}}},
      {buffer(3)});
  const Arrangement kept = arrange(s, true);
  EXPECT_EQ(kept.arena_bytes, 2048U);
  EXPECT_NE(kept.offsets[0], kept.offsets[1]);
  EXPECT_NE(kept.offsets[1], kept.offsets[2]);
  EXPECT_NE(kept.offsets[2], kept.offsets[3]);
  const Arrangement outside = arrange(s, false);
  EXPECT_EQ(outside.offsets[3], Arrangement::kNotInArena);
  EXPECT_EQ(outside.arena_bytes, 2048U);
}

TEST(Arrange, OutputsOfTheHeadLiveToItsEnd) {
  const Section s = section(3, {{0, {{Kind::x}, buffer(0)}}, {0, {buffer(0), buffer(1)}}, {0, {buffer(1), buffer(2)}}},
                            {buffer(0), buffer(2)});
  const Arrangement result = arrange(s, true);
  EXPECT_EQ(result.arena_bytes, 3072U);
  EXPECT_NE(result.offsets[0], result.offsets[2]);
}

TEST(Arrange, IndependentStepsNeverShare) {
  const Section s =
      section(3, {{0, {{Kind::x}, buffer(0)}}, {0, {{Kind::x}, buffer(1)}}, {0, {buffer(1), buffer(2)}}}, {buffer(2)});
  const Arrangement result = arrange(s, true);
  EXPECT_NE(result.offsets[0], result.offsets[1]);
}

}  // namespace
}  // namespace nntune::runtime
