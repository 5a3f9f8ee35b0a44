#include "compiler/codegen/object.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "compiler/runtime/code.h"

namespace nntune::codegen {
namespace {

using loopir::Buffer;
using loopir::BufferNode;
using loopir::LoopKind;
using loopir::Scalar;
using loopir::use;
using loopir::Var;

Buffer vector_operand(const char* name, int operand, Scalar element, std::int64_t size) {
  return std::make_shared<const BufferNode>(
      BufferNode{.name = name, .element = element, .operand = operand, .shape = {size}});
}

/// out[i] = value(in[i]) for 64 elements, in vectors of `lanes`.
loopir::Function map_function(int lanes, Scalar out_element, const std::function<loopir::Expr(const loopir::Expr&)>& value) {
  loopir::Function function;
  function.name = "map";
  function.operands = {vector_operand("in", 0, Scalar::f32, 64), vector_operand("out", 1, out_element, 64)};
  const Var i = loopir::variable("i", 64 / lanes);
  const Var l = loopir::variable("l", lanes);
  const loopir::Expr at = use(i) * lanes + use(l);
  const auto body = loopir::store(function.operands[1], {at}, value(loopir::load(function.operands[0], {at})));
  function.body = loopir::loop(i, loopir::integer(64 / lanes),
                               loopir::loop(l, loopir::integer(lanes), body, LoopKind::vectorized), LoopKind::parallel);
  return function;
}

template <class T>
std::vector<T> run(const loopir::Function& function, const Isa& isa, std::vector<float> in, int threads) {
  auto object = compile(function, isa);
  EXPECT_TRUE(object) << object.error().message();
  auto code = runtime::LoadedCode::load(object->image);
  EXPECT_TRUE(code);
  std::vector<T> out(64);
  alignas(64) std::array<std::byte, 128> scratch{};
  const runtime::KernelOperand operands[] = {{in.data(), 0}, {out.data(), 0}};
  for (int thread = 0; thread < threads; ++thread) {
    const runtime::KernelSequence sequence{.position = 0, .length = 1, .row_table = nullptr};
    runtime::KernelCall call = runtime::call_for(sequence);
    call.operands = operands;
    call.thread = thread;
    call.threads = threads;
    call.scratch = scratch.data();
    code->entry(object->entry)(&call);
  }
  return out;
}

std::vector<float> ramp() {
  std::vector<float> values;
  for (int i = 0; i < 64; ++i) values.push_back(static_cast<float>(i - 32) * 2.5F);
  return values;
}

Isa plain() { return Isa{}; }

TEST(Object, ExpIsRightToTwoUlpOrSo) {
  for (const Isa& isa : {plain(), probe_target()->isa}) {
    const auto function =
        map_function(8, Scalar::f32, [](const loopir::Expr& x) { return loopir::unary(loopir::UnaryOp::exp, x); });
    const std::vector<float> out = run<float>(function, isa, ramp(), 3);
    for (int i = 0; i < 64; ++i) {
      const double expected =
          std::exp(std::max(-87.0, std::min(87.0, static_cast<double>(ramp()[static_cast<std::size_t>(i)]))));
      EXPECT_NEAR(out[static_cast<std::size_t>(i)] / expected, 1.0, 3e-7) << i;
    }
  }
}

TEST(Object, Log2IsRightToTwoUlpOrSo) {
  for (const Isa& isa : {plain(), probe_target()->isa}) {
    const auto function =
        map_function(8, Scalar::f32, [](const loopir::Expr& x) { return loopir::unary(loopir::UnaryOp::log2, x); });
    std::vector<float> in;
    for (int i = 0; i < 64; ++i) in.push_back(std::exp2(static_cast<float>(i - 32) * 0.37F * static_cast<float>(i % 7)));
    const std::vector<float> out = run<float>(function, isa, in, 3);
    for (std::size_t i = 0; i < 64; ++i) {
      const double expected = std::log2(static_cast<double>(in[i]));
      EXPECT_NEAR(out[i], expected, 1e-7 + 2e-7 * std::abs(expected)) << in[i];
    }
  }
}

TEST(Object, Exp2IsRightToTwoUlpOrSoAndNeverLessThanTheSmallest) {
  for (const Isa& isa : {plain(), probe_target()->isa}) {
    const auto function =
        map_function(8, Scalar::f32, [](const loopir::Expr& x) { return loopir::unary(loopir::UnaryOp::exp2, x); });
    std::vector<float> in = ramp();
    for (float& x : in) x = x * 1.61F + 0.37F;
    in[0] = -1e30F;
    in[1] = 127;
    const std::vector<float> out = run<float>(function, isa, in, 3);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const double expected = std::exp2(std::max(-125.0, static_cast<double>(in[i])));
      EXPECT_NEAR(out[i] / expected, 1.0, 3e-7) << in[i];
    }
  }
}

TEST(Object, RoundsToBf16TheSameWithAndWithoutTheInstruction) {
  const auto function = map_function(16, Scalar::bf16, [](const loopir::Expr& x) { return x * loopir::number(1.2345678); });
  EXPECT_EQ(run<std::uint16_t>(function, plain(), ramp(), 1), run<std::uint16_t>(function, probe_target()->isa, ramp(), 1));
}

TEST(Object, SameFunctionGivesTheSameBytes) {
  const auto function = map_function(16, Scalar::f32, [](const loopir::Expr& x) { return x + x; });
  const Isa isa = probe_target()->isa;
  EXPECT_EQ(compile(function, isa)->image, compile(function, isa)->image);
  EXPECT_EQ(compile(function, isa)->hash(), compile(function, isa)->hash());
}

TEST(Object, CountsVectorRegistersSpilledInALoop) {
  // 40 accumulators do not fit 32 (or 16) registers.
  loopir::Function function;
  function.name = "spills";
  function.operands = {vector_operand("in", 0, Scalar::f32, 40 * 16 * 8), vector_operand("out", 1, Scalar::f32, 40 * 16)};
  const Buffer acc = loopir::local_buffer("acc", {40 * 16});
  const auto tile = [&](const std::function<loopir::Stmt(const loopir::Expr&)>& body) {
    const Var u = loopir::variable("u", 40);
    const Var l = loopir::variable("l", 16);
    return loopir::loop(u, loopir::integer(40),
                        loopir::loop(l, loopir::integer(16), body(use(u) * 16 + use(l)), LoopKind::vectorized),
                        LoopKind::unrolled);
  };
  const Var k = loopir::variable("k", 8);
  const loopir::Stmt work = loopir::block(
      {tile([&](const loopir::Expr& at) { return loopir::store(acc, {at}, loopir::number(0)); }),
       loopir::loop(k, loopir::integer(8), tile([&](const loopir::Expr& at) {
                      const loopir::Expr value = loopir::load(function.operands[0], {use(k) * 640 + at});
                      return loopir::store(acc, {at}, loopir::fma(value, value, loopir::load(acc, {at})));
                    })),
       tile([&](const loopir::Expr& at) { return loopir::store(function.operands[1], {at}, loopir::load(acc, {at})); })});
  function.body = loopir::branch(loopir::less(loopir::param(loopir::Param::thread), loopir::integer(1)), work);
  const Isa isa = probe_target()->isa;
  EXPECT_GT(compile(function, isa)->vector_spills, 0);
  EXPECT_EQ(compile(map_function(16, Scalar::f32, [](const loopir::Expr& x) { return x + x; }), isa)->vector_spills, 0);
}

TEST(Object, WhatIsNotLegalIsAnErrorInEveryBuild) {
  const Isa isa = probe_target()->isa;
  const auto why = [&](const loopir::Function& function) {
    const auto object = compile(function, isa);
    return object ? "" : object.error().what;
  };
  // Verified before it is lowered.
  loopir::Function outside = map_function(16, Scalar::f32, [](const loopir::Expr& x) { return x; });
  outside.body = outside.body->stmts.front();
  EXPECT_NE(why(outside).find("i is used outside its loop"), std::string::npos) << why(outside);
  // Found while it is lowered: a mask on lanes that do not lie side by side.
  loopir::Function strided = map_function(16, Scalar::f32, [](const loopir::Expr& x) {
    return loopir::load(x->buffer, {x->args[0] * 2}, loopir::less(x->args[0], loopir::integer(32)));
  });
  EXPECT_NE(why(strided).find("masked load of in"), std::string::npos) << why(strided);
  // All lanes to one element.
  loopir::Function narrow = map_function(16, Scalar::f32, [](const loopir::Expr& x) { return x; });
  const loopir::Stmt vector = narrow.body->stmts.front();
  const loopir::Stmt store = vector->stmts.front();
  narrow.body =
      loopir::loop(narrow.body->var, narrow.body->extent,
                   loopir::loop(vector->var, vector->extent,
                                loopir::store(store->buffer, {use(narrow.body->var)}, store->value), LoopKind::vectorized),
                   LoopKind::parallel);
  EXPECT_NE(why(narrow).find("one element of out"), std::string::npos) << why(narrow);
}

TEST(Object, ScratchBuffersOfOneNameAreTwo) {
  loopir::Function function = map_function(16, Scalar::f32, [](const loopir::Expr& x) { return x; });
  const Buffer a = function.add_scratch("row", Scalar::f32, {16});
  const Buffer b = function.add_scratch("row", Scalar::f32, {16});
  const Var i = function.body->var;
  const auto lanes = [&](const std::function<loopir::Stmt(const loopir::Expr&)>& body) {
    const Var l = loopir::variable("l", 16);
    return loopir::loop(l, loopir::integer(16), body(use(l)), LoopKind::vectorized);
  };
  const auto fill = [&](const Buffer& buffer, double value) {
    return lanes([&](const loopir::Expr& l) { return loopir::store(buffer, {l}, loopir::number(value)); });
  };
  const auto sum = lanes([&](const loopir::Expr& l) {
    return loopir::store(function.operands[1], {use(i) * 16 + l},
                         loopir::load(a, {l}) + loopir::load(b, {l}) * loopir::number(10));
  });
  function.body = loopir::loop(i, loopir::integer(4), loopir::block({fill(a, 1), fill(b, 2), sum}), LoopKind::parallel);
  EXPECT_EQ(function.scratch_bytes(), 128);
  EXPECT_EQ(run<float>(function, probe_target()->isa, ramp(), 1), std::vector<float>(64, 21));
}

TEST(Object, PrintsAssembly) {
  const auto function = map_function(16, Scalar::f32, [](const loopir::Expr& x) { return x + x; });
  const auto assembly = to_assembly(function, probe_target()->isa);
  ASSERT_TRUE(assembly);
  EXPECT_NE(assembly->find("kernel:"), std::string::npos);
}

}  // namespace
}  // namespace nntune::codegen
