#include "compiler/loopir/primitives.h"

#include <gtest/gtest.h>

namespace nntune::loopir {
namespace {

Buffer matrix(const char* name, int operand, Scalar element = Scalar::f32, std::vector<graph::Lane> lanes = {}) {
  return std::make_shared<const BufferNode>(
      BufferNode{.name = name, .element = element, .operand = operand, .shape = {8, 8}, .lanes = std::move(lanes)});
}

TEST(Primitives, SplitReorderAndMarkLoops) {
  const Var i = variable("i", 8);
  const Var j = variable("j", 8);
  const Buffer a = matrix("a", 0);
  const Buffer b = matrix("b", 1);
  Function function;
  Nest nest(function, loop(i, integer(8), loop(j, integer(8), store(b, {use(i), use(j)}, load(a, {use(i), use(j)})))));
  const auto [jo, ji] = nest.split(j, 4);
  nest.reorder({jo, i, ji});
  nest.vectorize(ji);
  nest.parallel(jo);
  EXPECT_EQ(text(nest.stmt()),
            "parallel jo in 0..2\n"
            "  for i in 0..8\n"
            "    vectorized ji in 0..4\n"
            "      b[i, ((jo * 4) + ji)] = a[i, ((jo * 4) + ji)]\n");
}

TEST(Primitives, SplitRoundsARunTimeExtentUp) {
  const Var i = variable("i");
  const Buffer a = matrix("a", 0);
  Function function;
  Nest nest(function, loop(i, param(Param::rows), store(a, {use(i), integer(0)}, number(0))));
  nest.split(i, 4);
  EXPECT_EQ(text(nest.stmt()),
            "for io in 0..((rows + 3) / 4)\n"
            "  for ii in 0..4\n"
            "    a[((io * 4) + ii), 0] = 0\n");
}

TEST(Primitives, LimitAndGuardLeaveIterationsOut) {
  const Var i = variable("i", 8);
  const Var j = variable("j", 8);
  const Buffer a = matrix("a", 0);
  Function function;
  Nest nest(function, loop(i, integer(8), loop(j, integer(8), store(a, {use(i), use(j)}, number(0)))));
  nest.limit(j, use(i) + 1);
  nest.guard(i, less(use(i), param(Param::rows)));
  EXPECT_EQ(text(nest.stmt()),
            "for i in 0..8\n"
            "  if (i < rows)\n"
            "    for j in 0..(i + 1)\n"
            "      a[i, j] = 0\n");
}

TEST(Primitives, TensorizeReplacesAPairOfProducts) {
  const Var k = variable("k", 8);
  const Buffer x = matrix("x", 0, Scalar::bf16);
  const Buffer w = matrix("w", 1, Scalar::bf16, {{0, 4}, {1, 2}});
  const Buffer acc = local_buffer("acc", {1});
  const Expr product = fma(load(x, {integer(0), use(k)}), load(w, {integer(3), use(k)}), load(acc, {integer(0)}));
  Function function;
  Nest nest(function, loop(k, integer(8), store(acc, {integer(0)}, product)));
  const auto [ko, ki] = nest.split(k, 2);
  nest.tensorize_dot2(ki);
  EXPECT_EQ(text(nest.stmt()),
            "for ko in 0..4\n"
            "  acc[0] = dot2(x.pairs[0, ko], w.pairs[3, ko], acc[0])\n");
}

TEST(Primitives, PackReadsFromTheCopyRelativeToItsOrigin) {
  const Var i = variable("i", 8);
  Function function;
  const Buffer a = matrix("a", 0);
  const Buffer b = matrix("b", 1);
  Nest nest(function, loop(i, integer(8), store(b, {use(i), integer(0)}, load(a, {use(i), integer(0)}))));
  const auto [io, ii] = nest.split(i, 4);
  const Buffer copy = function.add_scratch("copy", Scalar::f32, {4, 8});
  nest.pack(io, a, copy, {use(io) * 4, integer(0)}, store(copy, {integer(0), integer(0)}, number(1)));
  EXPECT_EQ(text(nest.stmt()),
            "for io in 0..2\n"
            "  copy[0, 0] = 1\n"
            "  for ii in 0..4\n"
            "    b[((io * 4) + ii), 0] = copy[ii, 0]\n");
}

}  // namespace
}  // namespace nntune::loopir
