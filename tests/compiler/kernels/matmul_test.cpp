#include "tests/compiler/kernels/kernel_check.h"

namespace nntune::kernels {
namespace {

class Matmul : public KernelTest {};
NNTUNE_FOR_EACH_CPU(Matmul);

TEST_P(Matmul, F32MatrixVector) {
  expect_right(kEveryCpu, "matmul{;}(f32[1,256],f32[96,256]<0:32>)->f32[1,96] past=0 t=2", 1e-5);
}

TEST_P(Matmul, F32MatrixWithFusedNormAndResidual) {
  expect_right(kEveryCpu,
               "matmul{rms(1e-06,0)|scale;add}(f32[37,256],f32[256],f32[96,256]<0:32>,f32[37,96])->f32[37,96] past=0 t=2",
               1e-5);
}

TEST_P(Matmul, Bf16WeightsWidened) {
  expect_right(kEveryCpu, "matmul{rms(1e-06,0)|scale;}(f32[40,256],f32[256],bf16[128,256]<0:64>)->f32[40,128] past=0 t=1",
               1e-5);
}

TEST_P(Matmul, Bf16DotWithCastInThePrologue) {
  expect_right(kBf16Dot, "matmul{cast(bf16);add}(f32[29,128],bf16[160,128]<0:32,1:2>,f32[29,160])->f32[29,160] past=0 t=2",
               1e-2);
  expect_right(kBf16Dot, "matmul{cast(bf16);add}(f32[1,128],bf16[160,128]<0:32,1:2>,f32[1,160])->f32[1,160] past=0 t=2",
               1e-2);
}

TEST_P(Matmul, GateAndUpInAlternatingBlocks) {
  expect_right(kBf16Dot, "matmul{cast(bf16);swiglu_pairs(16)}(f32[18,128],bf16[192,128]<0:32,1:2>)->f32[18,96] past=0 t=2",
               1e-2);
  expect_right(kFromAvx2, "matmul{;swiglu_pairs(16)}(f32[1,128],f32[192,128]<0:64>)->f32[1,96] past=0 t=1", 1e-5);
}

TEST_P(Matmul, TilesOfThreeVectors) {
  expect_right(kEveryCpu, "matmul{;}(f32[8,16]<0:4>,f32[144,16]<0:48>)->f32[8,144] past=0 t=1", 1e-5, 12);
  expect_right({"x86-64", "avx2"}, "matmul{;add}(f32[8,16]<0:4>,f32[48,16]<0:24>,f32[8,48])->f32[8,48] past=0 t=1", 1e-5,
               12);
}

TEST_P(Matmul, PackedActivations) {
  expect_right(kBf16Dot, "matmul{;}(bf16[24,128]<0:8,1:2>,bf16[96,128]<0:32,1:2>)->f32[24,96] past=0 t=2", 1e-2);
  expect_right(kEveryCpu,
               "matmul{;cast(bf16)|pack(0:6,1:2)}(f32[24,128]<0:6>,f32[96,128]<0:48>)->bf16[24,96]<0:6,1:2> past=0 t=2",
               1e-2);
}

TEST_P(Matmul, ColumnsThatFillNoWholePanel) {
  expect_right(kEveryCpu, "matmul{;}(f32[1,64],f32[72,64]<0:32>)->f32[1,72] past=0 t=2", 1e-5);
  expect_right(kEveryCpu, "matmul{;add}(f32[9,64],f32[72,64]<0:32>,f32[9,72])->f32[9,72] past=0 t=2", 1e-5);
  expect_right(kEveryCpu, "matmul{;bias|add}(f32[9,64],f32[72,64]<0:32>,f32[72],f32[9,72])->f32[9,72] past=0 t=2", 1e-5);
}

}  // namespace
}  // namespace nntune::kernels
