#include "tests/compiler/kernels/kernel_check.h"

namespace nntune::kernels {
namespace {

class Argmax : public KernelTest {};
NNTUNE_FOR_EACH_CPU(Argmax);

TEST_P(Argmax, FindsTheLowestIndexOfTheLargest) {
  expect_right(kEveryCpu, "argmax{}(f32[2,2072])->i32[2] past=0 t=2", 1e-9);
}

}  // namespace
}  // namespace nntune::kernels
