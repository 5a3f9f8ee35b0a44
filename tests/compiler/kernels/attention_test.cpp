#include "compiler/kernels/attention.h"

#include "tests/compiler/kernels/kernel_check.h"

namespace nntune::kernels {
namespace {

TEST(Attention, DecodeOverRowMajorCache) {
  expect_right("attention{4,2,0.08838834764831845;;}(f32[1,512],f32[2,?,128],f32[2,?,128])->f32[1,512] past=77 t=2", 1e-5);
}

TEST(Attention, PrefillOverPackedKeys) {
  expect_right("attention{4,2,0.08838834764831845;;}(f32[37,512],f32[2,?,128]<1:16>,f32[2,?,128])->f32[37,512] past=50 t=2",
               1e-5);
}

TEST(Attention, ScoresFarApartRescaleWhatWasSummed) {
  expect_right("attention{4,2,4;;}(f32[37,512],f32[2,?,128]<1:16>,f32[2,?,128])->f32[37,512] past=110 t=2", 1e-4, 12);
}

TEST(Attention, RowsThatFillTheCache) {
  expect_right("attention{4,2,0.08838834764831845;;}(f32[33,512],f32[2,?,128]<1:16>,f32[2,?,128])->f32[33,512] past=159 t=2",
               1e-5, 12);
}

TEST(Attention, Bf16DotsWithNormAndRopeOfTheQueries) {
  expect_right(
      "attention{4,2,0.08838834764831845;rms(1e-06,128)|scale|rope(128);cast(bf16)}"
      "(f32[37,512],f32[128],f32[?,128],bf16[2,?,128]<1:16,2:2>,bf16[2,?,128]<1:2>)->bf16[37,512] past=5 t=2",
      2e-2);
}

}  // namespace
}  // namespace nntune::kernels
