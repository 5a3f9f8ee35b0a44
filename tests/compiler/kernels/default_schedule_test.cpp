#include <gtest/gtest.h>

#include <string>

#include "tests/compiler/kernels/kernel_check.h"

namespace nntune::kernels {
namespace {

/// Moves of vector registers to and from the stack in the inner loops of the default schedule's code.
int spills(const std::string& text, const Isa& isa) {
  const schedule::Workload workload = parse_workload(text);
  Target target = *probe_target();
  target.isa = isa;
  const auto schedule = default_schedule(workload, target);
  const auto family = find_family(workload);
  if (!schedule || !family) return -1;
  const auto function = (*family)->build(workload, *schedule, isa);
  const auto object = function ? codegen::compile(*function, isa) : tl::unexpected(function.error());
  return object ? object->vector_spills : -1;
}

TEST(DefaultSchedule, KeepsAccumulatorsInRegistersWhateverTheCpu) {
  for (const std::string_view level : kIsaLevels) {
    const auto isa = host_isa().limited_to(level);
    if (!isa) continue;
    SCOPED_TRACE(std::string(level));
    EXPECT_EQ(spills("matmul{;add}(f32[512,1024],f32[1024,1024]<0:16>,f32[512,1024])->f32[512,1024] past=0 t=1", *isa), 0);
    EXPECT_EQ(spills("matmul{;add}(f32[512,1024],bf16[1024,1024]<0:16>,f32[512,1024])->f32[512,1024] past=0 t=1", *isa), 0);
    EXPECT_EQ(spills("attention{4,2,0.125;;}(f32[128,512],f32[2,?,128]<1:16>,f32[2,?,128])->f32[128,512] past=0 t=1", *isa),
              0);
  }
}

}  // namespace
}  // namespace nntune::kernels
