#include "compiler/codegen/vector_math.h"

#include <llvm/IR/IntrinsicsX86.h>

namespace nntune::codegen {
namespace {

/// 1.5 * 2^23: adding it rounds to a whole number, which the lowest bits of the sum then hold.
constexpr double kRounder = 12582912.0;

unsigned lanes_of(llvm::Value* value) {
  auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(value->getType());
  return vector == nullptr ? 1 : vector->getNumElements();
}

}  // namespace

llvm::Type* VectorMath::with_element(llvm::Value* like, llvm::Type* element) {
  return like->getType()->getWithNewType(element);
}

llvm::Value* VectorMath::constant(llvm::Value* like, double value) { return llvm::ConstantFP::get(like->getType(), value); }

llvm::Value* VectorMath::fma(llvm::Value* a, llvm::Value* b, llvm::Value* c) {
  // Without the instruction LLVM would call the C library.
  if (!isa_.fma && !isa_.avx512f) return builder_.CreateFAdd(builder_.CreateFMul(a, b), c);
  return builder_.CreateIntrinsic(llvm::Intrinsic::fma, {a->getType()}, {a, b, c});
}

llvm::Value* VectorMath::widen_bf16(llvm::Value* bits) {
  llvm::Value* wide = builder_.CreateZExt(bits, with_element(bits, builder_.getInt32Ty()));
  return builder_.CreateBitCast(builder_.CreateShl(wide, 16), with_element(bits, builder_.getFloatTy()));
}

llvm::Value* VectorMath::round_bf16(llvm::Value* value) {
  const unsigned lanes = lanes_of(value);
  if (isa_.avx512bf16 && (lanes == 16 || lanes == 8)) {
    const auto id =
        lanes == 16 ? llvm::Intrinsic::x86_avx512bf16_cvtneps2bf16_512 : llvm::Intrinsic::x86_avx512bf16_cvtneps2bf16_256;
    llvm::Value* rounded = builder_.CreateIntrinsic(id, {}, {value});
    return builder_.CreateBitCast(rounded, with_element(value, builder_.getInt16Ty()));
  }
  llvm::Type* integer = with_element(value, builder_.getInt32Ty());
  llvm::Value* bits = builder_.CreateBitCast(value, integer);
  llvm::Value* odd = builder_.CreateAnd(builder_.CreateLShr(bits, 16), llvm::ConstantInt::get(integer, 1));
  llvm::Value* bias = builder_.CreateAdd(odd, llvm::ConstantInt::get(integer, 0x7fff));
  llvm::Value* rounded = builder_.CreateLShr(builder_.CreateAdd(bits, bias), 16);
  return builder_.CreateTrunc(rounded, with_element(value, builder_.getInt16Ty()));
}

llvm::Value* VectorMath::dot2(llvm::Value* a, llvm::Value* b, llvm::Value* c) {
  const unsigned lanes = lanes_of(c);
  if (isa_.avx512bf16 && (lanes == 16 || lanes == 8)) {
    const auto id =
        lanes == 16 ? llvm::Intrinsic::x86_avx512bf16_dpbf16ps_512 : llvm::Intrinsic::x86_avx512bf16_dpbf16ps_256;
    auto* pairs = llvm::FixedVectorType::get(builder_.getBFloatTy(), lanes * 2);
    return builder_.CreateIntrinsic(id, {}, {c, builder_.CreateBitCast(a, pairs), builder_.CreateBitCast(b, pairs)});
  }
  llvm::Type* real = with_element(c, builder_.getFloatTy());
  const auto low = [&](llvm::Value* v) { return builder_.CreateBitCast(builder_.CreateShl(v, 16), real); };
  const auto high = [&](llvm::Value* v) {
    return builder_.CreateBitCast(builder_.CreateAnd(v, llvm::ConstantInt::get(v->getType(), 0xffff0000U)), real);
  };
  return fma(low(a), low(b), fma(high(a), high(b), c));
}

llvm::Value* VectorMath::at_least(llvm::Value* v, double bound) {
  llvm::Value* limit = constant(v, bound);
  return builder_.CreateSelect(builder_.CreateFCmpOGT(v, limit), v, limit);
}

llvm::Value* VectorMath::at_most(llvm::Value* v, double bound) {
  llvm::Value* limit = constant(v, bound);
  return builder_.CreateSelect(builder_.CreateFCmpOLT(v, limit), v, limit);
}

llvm::Value* VectorMath::times_power(llvm::Value* y, llvm::Value* shifted) {
  llvm::Type* integer = with_element(y, builder_.getInt32Ty());
  llvm::Value* exponent = builder_.CreateShl(builder_.CreateBitCast(shifted, integer), 23);
  return builder_.CreateBitCast(builder_.CreateAdd(builder_.CreateBitCast(y, integer), exponent), y->getType());
}

llvm::Value* VectorMath::exp(llvm::Value* x) {
  x = at_most(at_least(x, -87.0), 87.0);
  llvm::Value* shifted = fma(x, constant(x, 1.44269504088896341), constant(x, kRounder));
  llvm::Value* n = builder_.CreateFSub(shifted, constant(x, kRounder));
  llvm::Value* r = fma(n, constant(x, -0.693359375), x);
  r = fma(n, constant(x, 2.12194440e-4), r);
  llvm::Value* p = constant(x, 1.9875691500e-4);
  for (const double c : {1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1}) {
    p = fma(p, r, constant(x, c));
  }
  return times_power(builder_.CreateFAdd(fma(p, builder_.CreateFMul(r, r), r), constant(x, 1.0)), shifted);
}

llvm::Value* VectorMath::exp2(llvm::Value* x) {
  x = at_least(x, -125.0);
  llvm::Value* shifted = builder_.CreateFAdd(x, constant(x, kRounder));
  llvm::Value* r = builder_.CreateFSub(x, builder_.CreateFSub(shifted, constant(x, kRounder)));
  // Minimax polynomial of 2^r for |r| <= 1/2; relative error 7.5e-8.
  llvm::Value* p = constant(x, 1.32764678e-3);
  for (const double c : {9.675541248e-3, 5.550713287e-2, 2.402211973e-1, 6.931469671e-1, 1.000000072}) {
    p = fma(p, r, constant(x, c));
  }
  return times_power(p, shifted);
}

llvm::Value* VectorMath::log2(llvm::Value* x) {
  llvm::Type* integer = with_element(x, builder_.getInt32Ty());
  llvm::Value* bits = builder_.CreateBitCast(x, integer);
  // x = 2^n * y with y from sqrt(1/2) to sqrt(2).
  llvm::Value* n = builder_.CreateAShr(builder_.CreateSub(bits, llvm::ConstantInt::get(integer, 0x3f3504f3)), 23);
  llvm::Value* y = builder_.CreateBitCast(builder_.CreateSub(bits, builder_.CreateShl(n, 23)), x->getType());
  llvm::Value* t = builder_.CreateFDiv(builder_.CreateFSub(y, constant(x, 1.0)), builder_.CreateFAdd(y, constant(x, 1.0)));
  // log2 y = 2 / ln 2 * (t + t^3 / 3 + t^5 / 5 ...), |t| < 0.172.
  llvm::Value* square = builder_.CreateFMul(t, t);
  llvm::Value* p = constant(x, 2.88539008177792681 / 9);
  for (const double divisor : {7.0, 5.0, 3.0, 1.0}) p = fma(p, square, constant(x, 2.88539008177792681 / divisor));
  return fma(p, t, builder_.CreateSIToFP(n, x->getType()));
}

llvm::Value* VectorMath::reduce_add(llvm::Value* vector) {
  llvm::FastMathFlags any_order;
  any_order.setAllowReassoc();
  auto* sum =
      llvm::cast<llvm::Instruction>(builder_.CreateFAddReduce(llvm::ConstantFP::get(builder_.getFloatTy(), -0.0), vector));
  sum->setFastMathFlags(any_order);
  return sum;
}

llvm::Value* VectorMath::reduce_max(llvm::Value* vector) {
  // Without the promise of no NaN LLVM compares lane by lane; inputs of softmax are finite.
  auto* highest = llvm::cast<llvm::Instruction>(builder_.CreateFPMaxReduce(vector));
  llvm::FastMathFlags finite;
  finite.setNoNaNs();
  highest->setFastMathFlags(finite);
  return highest;
}

}  // namespace nntune::codegen
