#include "compiler/kernels/registry.h"
#include "tests/compiler/kernels/kernel_check.h"

namespace nntune::kernels {
namespace {

class AttentionMerge : public KernelTest {};
NNTUNE_FOR_EACH_CPU(AttentionMerge);

TEST_P(AttentionMerge, WeighsThePartsOfEachHead) {
  expect_right(kEveryCpu, "attention_merge{4,3;}(f32[1,1548])->f32[1,512] past=0 t=2", 1e-6);
}

TEST_P(AttentionMerge, MoreThreadsThanHeads) {
  expect_right(kEveryCpu, "attention_merge{2,7;}(f32[1,910])->f32[1,128] past=0 t=5", 1e-6);
}

TEST_P(AttentionMerge, RoundsAndPacksTheResult) {
  expect_right(kEveryCpu, "attention_merge{4,2;cast(bf16)}(f32[1,1032])->bf16[1,512] past=0 t=2", 4e-3);
  expect_right(kEveryCpu, "attention_merge{4,2;cast(bf16)|pack(0:8,1:2)}(f32[1,1032])->bf16[1,512]<0:8,1:2> past=0 t=2",
               4e-3);
}

TEST(AttentionMergeRefuses, HeadsThatFillNoVectorAreRefused) {
  const schedule::Workload workload = parse_workload("attention_merge{4,2;}(f32[1,72])->f32[1,32] past=0 t=2");
  Isa isa;
  isa.avx2 = isa.fma = isa.f16c = true;
  isa.avx512f = isa.avx512bw = isa.avx512vl = isa.avx512dq = true;
  EXPECT_NE(attention_merge_family().refuse(workload, isa), "");
  EXPECT_EQ(attention_merge_family().refuse(workload, Isa{}), "");
}

}  // namespace
}  // namespace nntune::kernels
