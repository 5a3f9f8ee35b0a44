#include "tests/compiler/kernels/kernel_check.h"

namespace nntune::kernels {
namespace {

TEST(Rowwise, NormOfWholeRows) {
  expect_right("rowwise{rms(1e-06,0)|scale}(f32[5,256],f32[256])->f32[5,256] past=0 t=2", 1e-5);
}

TEST(Rowwise, NormAndRopeOfHeads) {
  expect_right("rowwise{rms(1e-06,128)|scale|rope(128)}(f32[5,512],f32[128],f32[?,128])->f32[5,512] past=3 t=2", 1e-5);
}

TEST(Rowwise, BiasOfTheRowAndOfEachHead) {
  expect_right("rowwise{bias|rope(64)}(f32[5,256],f32[256],f32[?,64])->f32[5,256] past=3 t=2", 1e-5);
  expect_right("rowwise{bias|cast(bf16)}(f32[5,256],f32[64])->bf16[5,256] past=0 t=1", 1e-2);
}

TEST(Rowwise, SwigluOfHalvesRoundedToBf16) {
  expect_right("rowwise{swiglu_split|cast(bf16)}(f32[5,192])->bf16[5,96] past=0 t=1", 1e-2);
}

TEST(Rowwise, SwigluOfTwoOperandsAndSum) {
  expect_right("rowwise{swiglu|add}(f32[5,96],f32[5,96],f32[5,96])->f32[5,96] past=0 t=2", 1e-5);
}

TEST(Rowwise, Softmax) { expect_right("rowwise{softmax}(f32[3,2072])->f32[3,2072] past=0 t=1", 1e-5); }

TEST(Rowwise, PacksIntoTiles) {
  expect_right("rowwise{rms(1e-06,0)|cast(bf16)|pack(0:8,1:2)}(f32[21,64])->bf16[21,64]<0:8,1:2> past=0 t=2", 1e-2);
}

TEST(Rowwise, ReadsAndWritesPackedActivations) {
  expect_right("rowwise{swiglu}(f32[21,64]<0:8>,f32[21,64]<0:8>)->f32[21,64]<0:8> past=0 t=2", 1e-5);
  expect_right(
      "rowwise{add|scale|cast(bf16)}(f32[21,64]<0:6,1:2>,f32[21,64]<0:6,1:2>,f32[64])->bf16[21,64]<0:6,1:2> past=0 t=2",
      1e-2);
  expect_right("rowwise{rms(1e-06,0)|scale}(bf16[5,256]<0:4,1:2>,f32[256])->f32[5,256]<0:4,1:2> past=0 t=1", 1e-5);
  expect_right("rowwise{softmax}(f32[5,48]<0:16,1:2>)->f32[5,48]<0:16,1:2> past=0 t=2", 1e-5);
}

TEST(CacheAppend, WritesRotatedKeysBehindThePast) {
  expect_right(
      "cache_append{rms(1e-06,128)|scale|rope(128)}(f32[5,256],f32[128],f32[?,128],f32[2,?,128])->f32[2,?,128] past=7 t=2",
      1e-5);
}

TEST(CacheAppend, WritesPackedLayouts) {
  expect_right("cache_append{}(f32[5,256],bf16[2,?,128]<1:16,2:2>)->bf16[2,?,128]<1:16,2:2> past=13 t=2", 1e-2);
  expect_right("cache_append{}(f32[5,256],bf16[2,?,128]<1:2>)->bf16[2,?,128]<1:2> past=13 t=2", 1e-2);
}

}  // namespace
}  // namespace nntune::kernels
