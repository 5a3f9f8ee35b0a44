#include <gtest/gtest.h>

#include <string>

#include "tests/compiler/kernels/kernel_check.h"

namespace nntune::kernels {
namespace {

/// Moves of vector registers to and from the stack in the inner loops of the default schedule's code.
int spills(const std::string& text, const Target& target) {
  const schedule::Workload workload = parse_workload(text);
  const auto schedule = default_schedule(workload, target);
  const auto family = find_family(workload);
  if (!schedule || !family) return -1;
  const auto function = (*family)->build(workload, *schedule, target.isa);
  const auto object = function ? codegen::compile(*function, target.isa) : tl::unexpected(function.error());
  return object ? object->vector_spills : -1;
}

class DefaultSchedule : public KernelTest {};
// Without FMA and three operands, SSE does spill.
INSTANTIATE_TEST_SUITE_P(Cpu, DefaultSchedule, testing::ValuesIn(kFromAvx2), cpu_name);

TEST_P(DefaultSchedule, KeepsAccumulatorsInRegistersWhateverTheCpu) {
  const auto spilled = [&](const char* text) { return spills(text, target()); };
  EXPECT_EQ(spilled("matmul{;add}(f32[512,1024],f32[1024,1024]<0:16>,f32[512,1024])->f32[512,1024] past=0 t=1"), 0);
  EXPECT_EQ(spilled("matmul{;add}(f32[512,1024],bf16[1024,1024]<0:16>,f32[512,1024])->f32[512,1024] past=0 t=1"), 0);
  EXPECT_EQ(spilled("attention{4,2,0.125;;}(f32[128,512],f32[2,?,128]<1:16>,f32[2,?,128])->f32[128,512] past=0 t=1"), 0);
}

}  // namespace
}  // namespace nntune::kernels
