#include "tests/compiler/kernels/kernel_check.h"

namespace nntune::kernels {
namespace {

class Rowwise : public KernelTest {};
NNTUNE_FOR_EACH_CPU(Rowwise);
class CacheAppend : public KernelTest {};
NNTUNE_FOR_EACH_CPU(CacheAppend);

TEST_P(Rowwise, NormOfWholeRows) {
  expect_right(kEveryCpu, "rowwise{rms(1e-06,0)|scale}(f32[5,256],f32[256])->f32[5,256] past=0 t=2", 1e-5);
}

TEST_P(Rowwise, NormAndRopeOfHeads) {
  expect_right(kEveryCpu, "rowwise{rms(1e-06,128)|scale|rope(128)}(f32[5,512],f32[128],f32[?,128])->f32[5,512] past=3 t=2",
               1e-5);
}

TEST_P(Rowwise, BiasOfTheRowAndOfEachHead) {
  expect_right(kEveryCpu, "rowwise{bias|rope(64)}(f32[5,256],f32[256],f32[?,64])->f32[5,256] past=3 t=2", 1e-5);
  expect_right(kEveryCpu, "rowwise{bias|cast(bf16)}(f32[5,256],f32[64])->bf16[5,256] past=0 t=1", 1e-2);
}

TEST_P(Rowwise, SwigluOfHalvesRoundedToBf16) {
  expect_right(kEveryCpu, "rowwise{swiglu_split|cast(bf16)}(f32[5,192])->bf16[5,96] past=0 t=1", 1e-2);
}

TEST_P(Rowwise, StepsOnTheWholeRowBeforeItsHalves) {
  expect_right(kEveryCpu, "rowwise{scale|swiglu_split}(f32[5,128],f32[128])->f32[5,64] past=0 t=2", 1e-5);
  expect_right(kEveryCpu, "rowwise{rms(1e-06,64)|swiglu_split}(f32[5,256])->f32[5,128] past=0 t=2", 1e-5);
  // Columns beyond the last whole group would be left out.
  expect_right({}, "rowwise{rms(1e-06,64)|swiglu_split}(f32[5,192])->f32[5,96] past=0 t=2", 1e-5);
}

TEST_P(Rowwise, SwigluOfTwoOperandsAndSum) {
  expect_right(kEveryCpu, "rowwise{swiglu|add}(f32[5,96],f32[5,96],f32[5,96])->f32[5,96] past=0 t=2", 1e-5);
}

TEST_P(Rowwise, Softmax) { expect_right(kEveryCpu, "rowwise{softmax}(f32[3,2072])->f32[3,2072] past=0 t=1", 1e-5); }

TEST_P(Rowwise, PacksIntoTiles) {
  expect_right(kEveryCpu, "rowwise{rms(1e-06,0)|cast(bf16)|pack(0:8,1:2)}(f32[21,64])->bf16[21,64]<0:8,1:2> past=0 t=2",
               1e-2);
}

TEST_P(Rowwise, ReadsAndWritesPackedActivations) {
  expect_right(kEveryCpu, "rowwise{swiglu}(f32[21,64]<0:8>,f32[21,64]<0:8>)->f32[21,64]<0:8> past=0 t=2", 1e-5);
  expect_right(
      kEveryCpu,
      "rowwise{add|scale|cast(bf16)}(f32[21,64]<0:6,1:2>,f32[21,64]<0:6,1:2>,f32[64])->bf16[21,64]<0:6,1:2> past=0 t=2",
      1e-2);
  expect_right(kEveryCpu, "rowwise{rms(1e-06,0)|scale}(bf16[5,256]<0:4,1:2>,f32[256])->f32[5,256]<0:4,1:2> past=0 t=1",
               1e-5);
  expect_right(kEveryCpu, "rowwise{softmax}(f32[5,48]<0:16,1:2>)->f32[5,48]<0:16,1:2> past=0 t=2", 1e-5);
}

TEST_P(CacheAppend, WritesRotatedKeysBehindThePast) {
  expect_right(
      kEveryCpu,
      "cache_append{rms(1e-06,128)|scale|rope(128)}(f32[5,256],f32[128],f32[?,128],f32[2,?,128])->f32[2,?,128] past=7 t=2",
      1e-5);
}

TEST_P(CacheAppend, WritesPackedLayouts) {
  expect_right(kEveryCpu, "cache_append{}(f32[5,256],bf16[2,?,128]<1:16,2:2>)->bf16[2,?,128]<1:16,2:2> past=13 t=2", 1e-2);
  expect_right(kEveryCpu, "cache_append{}(f32[5,256],bf16[2,?,128]<1:2>)->bf16[2,?,128]<1:2> past=13 t=2", 1e-2);
}

}  // namespace
}  // namespace nntune::kernels
