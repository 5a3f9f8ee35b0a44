/// Arithmetic that one LLVM instruction does not give: bf16, its dot product, exp, sums across lanes.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include "base/target.h"

namespace nntune::codegen {

/// Emits into a builder; values are scalars or vectors of any power-of-two width.
class VectorMath {
 public:
  VectorMath(llvm::IRBuilder<>& builder, const Isa& isa) : builder_(builder), isa_(isa) {}

  /// i16 bits of bf16 -> f32.
  llvm::Value* widen_bf16(llvm::Value* bits);
  /// f32 -> i16 bits of bf16, nearest even; the input is no NaN.
  llvm::Value* round_bf16(llvm::Value* value);
  /// a*b + c in one instruction where there is one.
  llvm::Value* fma(llvm::Value* a, llvm::Value* b, llvm::Value* c);
  /// c + a.lo*b.lo + a.hi*b.hi over i32 pairs of bf16; one instruction where AVX512_BF16 is there, else two FMA.
  llvm::Value* dot2(llvm::Value* a, llvm::Value* b, llvm::Value* c);
  /// Cephes' expf (a polynomial of degree 6 after reduction by ln 2): relative error below 2e-7, inputs cut to +-87.
  llvm::Value* exp(llvm::Value* x);
  /// Relative error below 2e-7 for x of at most 127; what is below -125 counts as -125.
  llvm::Value* exp2(llvm::Value* x);
  /// Of a positive normal number; absolute error below 1e-7 near 1, relative error below 2e-7 elsewhere.
  llvm::Value* log2(llvm::Value* x);
  llvm::Value* reduce_add(llvm::Value* vector);
  llvm::Value* reduce_max(llvm::Value* vector);

 private:
  llvm::Value* at_least(llvm::Value* v, double bound);
  llvm::Value* at_most(llvm::Value* v, double bound);
  /// y times two to the power in the lowest bits of `shifted`; y and the result are normal numbers.
  llvm::Value* times_power(llvm::Value* y, llvm::Value* shifted);
  llvm::Value* constant(llvm::Value* like, double value);
  llvm::Type* with_element(llvm::Value* like, llvm::Type* element);

  llvm::IRBuilder<>& builder_;
  const Isa& isa_;
};

}  // namespace nntune::codegen
