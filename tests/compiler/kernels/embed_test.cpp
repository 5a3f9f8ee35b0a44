#include "tests/compiler/kernels/kernel_check.h"

namespace nntune::kernels {
namespace {

class Embed : public KernelTest {};
NNTUNE_FOR_EACH_CPU(Embed);

TEST_P(Embed, ReadsRowsOfAPlainTable) { expect_right(kEveryCpu, "embed{}(i32[5],bf16[72,64])->f32[5,64] past=0 t=2", 1e-6); }

TEST_P(Embed, ReadsRowsOfPackedWeights) {
  expect_right(kEveryCpu, "embed{}(i32[5],bf16[72,64]<0:32,1:2>)->f32[5,64] past=0 t=2", 1e-6);
  expect_right(kEveryCpu, "embed{}(i32[5],f32[72,64]<0:32>)->f32[5,64] past=0 t=2", 1e-6);
}

}  // namespace
}  // namespace nntune::kernels
