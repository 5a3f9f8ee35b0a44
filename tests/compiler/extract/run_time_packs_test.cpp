#include "compiler/extract/run_time_packs.h"

#include <gtest/gtest.h>

namespace nntune::extract {
namespace {

/// A kernel that reads buffer `from` (or the input x, if it is below 0) and writes buffer `to`.
KernelStep step(const std::string& workload, int from, std::size_t to) {
  const auto parsed = schedule::Workload::parse(workload);
  EXPECT_TRUE(parsed) << workload << ": " << (parsed ? "" : parsed.error().message());
  KernelStep result{.workload = parsed ? *parsed : schedule::Workload{}, .inputs = {}, .output = {}, .cost = {}};
  result.inputs.resize(result.workload.inputs.size(), {.kind = ValueKind::weight, .input = {}});
  result.inputs[0] = from < 0 ? Value{.kind = ValueKind::input, .input = "x"}
                              : Value{.kind = ValueKind::buffer, .input = {}, .index = static_cast<std::size_t>(from)};
  result.output = {.kind = ValueKind::buffer, .input = {}, .index = to};
  return result;
}

constexpr const char* kPlain = "matmul{;}(f32[128,64],f32[64,64]<0:16>)->f32[128,64] past=0 t=1";
constexpr const char* kPacking = "matmul{;pack(0:6)}(f32[128,64],f32[64,64]<0:16>)->f32[128,64]<0:6> past=0 t=1";
constexpr const char* kPacked = "matmul{;}(f32[128,64]<0:6>,f32[64,64]<0:16>)->f32[128,64] past=0 t=1";
constexpr const char* kPack = "rowwise{pack(0:6)}(f32[128,64])->f32[128,64]<0:6> past=0 t=1";

TEST(RunTimePacks, APackBetweenTwoMatmulsIsSeen) {
  SectionProgram section;
  section.steps = {step(kPlain, -1, 0), step(kPack, 0, 1), step(kPacked, 1, 0)};
  const auto inputs = matmul_inputs(section);
  ASSERT_EQ(inputs.size(), 2U);
  EXPECT_EQ(inputs[0].layout, InputLayout::plain);
  EXPECT_FALSE(inputs[0].maker.has_value());
  EXPECT_EQ(inputs[1].layout, InputLayout::packed_by_a_kernel);
  EXPECT_EQ(inputs[1].maker, 1U);
  EXPECT_TRUE(inputs[1].between_matmuls);
}

TEST(RunTimePacks, PackingTheInputOfASectionIsNotBetweenMatmuls) {
  SectionProgram section;
  section.steps = {step(kPack, -1, 0), step(kPacked, 0, 1)};
  EXPECT_EQ(matmul_inputs(section).at(0).layout, InputLayout::packed_by_a_kernel);
  EXPECT_FALSE(matmul_inputs(section).at(0).between_matmuls);
}

TEST(RunTimePacks, WhatItsMakerWritesPackedNeedsNoKernel) {
  SectionProgram section;
  section.steps = {step(kPacking, -1, 0), step(kPacked, 0, 1), step(kPlain, 1, 0)};
  const auto inputs = matmul_inputs(section);
  EXPECT_EQ(inputs.at(1).layout, InputLayout::packed_by_maker);
  EXPECT_EQ(inputs.at(1).maker, 0U);
  EXPECT_EQ(inputs.at(2).layout, InputLayout::plain);
  EXPECT_EQ(inputs.at(2).maker, 1U);
}

}  // namespace
}  // namespace nntune::extract
