#include "compiler/loopir/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/loopir/primitives.h"

namespace nntune::loopir {
namespace {

using testing::HasSubstr;

/// out[i] = in[i] over 8 elements, in parallel.
class Verify : public testing::Test {
 protected:
  Verify() {
    function_.name = "copy";
    function_.operands = {vector("in", 0), vector("out", 1)};
  }

  static Buffer vector(const char* name, int operand, Scalar element = Scalar::f32) {
    return std::make_shared<const BufferNode>(
        BufferNode{.name = name, .element = element, .operand = operand, .shape = {8}});
  }

  Buffer in() { return function_.operands[0]; }
  Buffer out() { return function_.operands[1]; }
  Stmt copy(Expr at) { return store(out(), {at}, load(in(), {at})); }
  Stmt parallel_copy() { return loop(i_, integer(8), copy(use(i_)), LoopKind::parallel); }

  /// What verify says of the function with this body, "" if nothing.
  std::string refusal(Stmt body) {
    function_.body = std::move(body);
    const Status status = verify(function_);
    return status ? "" : status.error().what;
  }

  Function function_;
  Var i_ = variable("i", 8);
  Var j_ = variable("j", 8);
};

TEST_F(Verify, AcceptsALegalNest) { EXPECT_EQ(refusal(parallel_copy()), ""); }

TEST_F(Verify, KeepsTheFirstRefusalOfTheConstruction) {
  function_.refuse("no tile");
  function_.refuse("later");
  EXPECT_THAT(refusal(parallel_copy()), HasSubstr("copy is not legal: no tile"));
}

TEST_F(Verify, PrimitivesWithoutTheirLoopsAreRefused) {
  using Change = std::function<void(Nest&)>;
  const Buffer tile = local_buffer("tile", {8});
  const auto same = [](const std::vector<Expr>& indices) { return indices; };
  const std::pair<const char*, Change> changes[] = {
      {"split: 0 loops over j", [&](Nest& nest) { nest.split(j_, 4); }},
      {"split: i in parts of 0", [&](Nest& nest) { nest.split(i_, 0); }},
      {"limit: 0 loops over j", [&](Nest& nest) { nest.limit(j_, integer(1)); }},
      {"limit: 9 iterations of i are more than it has", [&](Nest& nest) { nest.limit(i_, integer(9)); }},
      {"guard: 0 loops over j", [&](Nest& nest) { nest.guard(j_, less(use(i_), integer(1))); }},
      {"reorder: the loop over i",
       [&](Nest& nest) {
         nest.reorder({j_, i_});
       }},
      {"reorder: no such loops", [&](Nest& nest) { nest.reorder({j_}); }},
      {"unroll: 0 loops over j", [&](Nest& nest) { nest.unroll(j_); }},
      {"vectorize: 0 loops over j", [&](Nest& nest) { nest.vectorize(j_); }},
      {"compute_at: 0 loops over j", [&](Nest& nest) { nest.compute_at(j_, copy(integer(0))); }},
      {"attach_after: 0 loops over j", [&](Nest& nest) { nest.attach_after(j_, copy(integer(0))); }},
      {"cache_write: 0 loops over j", [&](Nest& nest) { nest.cache_write(j_, out(), tile, same); }},
      {"pack: 0 loops over j", [&](Nest& nest) { nest.pack(j_, in(), tile, {integer(0)}, copy(integer(0))); }},
      {"pack: in has no origin of rank 1", [&](Nest& nest) { nest.pack(i_, in(), tile, {}, copy(integer(0))); }},
      {"tensorize_dot2: not one multiply-add", [&](Nest& nest) { nest.tensorize_dot2(i_); }},
  };
  for (const auto& [why, change] : changes) {
    SCOPED_TRACE(why);
    function_.refusal.clear();
    Nest nest(function_, parallel_copy());
    change(nest);
    EXPECT_THAT(refusal(nest.stmt()), HasSubstr(why));
  }
}

TEST_F(Verify, PairsThatDoNotLieSideBySideAreRefused) {
  const Buffer rows =
      std::make_shared<const BufferNode>(BufferNode{.name = "rows", .element = Scalar::bf16, .shape = {8, 8}});
  EXPECT_TRUE(pair_view(rows, 1));
  EXPECT_FALSE(pair_view(rows, 0));
  EXPECT_FALSE(pair_view(in(), 0));
  const Var pair = variable("pair", 2);
  const Buffer sum = local_buffer("sum", {1});
  const auto a = load(rows, {use(i_) * 2 + use(pair), integer(0)});
  Nest nest(function_, loop(i_, integer(4), loop(pair, integer(2), store(sum, {integer(0)}, fma(a, a, number(0))))));
  nest.tensorize_dot2(pair);
  EXPECT_THAT(refusal(nest.stmt()), HasSubstr("no pairs of rows"));
}

TEST_F(Verify, AccessesMustFitTheirBuffers) {
  const auto parallel = [&](Stmt body) { return loop(i_, integer(8), std::move(body), LoopKind::parallel); };
  EXPECT_THAT(refusal(parallel(store(out(), {use(i_), use(i_)}, number(0)))), HasSubstr("2 indices into out"));
  EXPECT_THAT(refusal(parallel(store(vector("other", 2), {use(i_)}, number(0)))), HasSubstr("other is no operand"));
  EXPECT_THAT(refusal(parallel(store(out(), {number(0)}, number(0)))), HasSubstr("accessed at what is no index"));
  EXPECT_THAT(refusal(parallel(store(out(), {use(i_)}, use(i_)))), HasSubstr("out stores values of another type"));
  EXPECT_THAT(refusal(parallel(store(out(), {use(i_)}, load(in(), {use(j_)})))), HasSubstr("j is used outside its loop"));
}

TEST_F(Verify, ScratchIsKnownByIdentityAndNotByItsName) {
  const Buffer mine = function_.add_scratch("row", Scalar::f32, {8});
  Function other;
  const Buffer theirs = other.add_scratch("row", Scalar::f32, {8});
  const auto through = [&](const Buffer& row) {
    return loop(i_, integer(8), block({store(row, {use(i_)}, number(1)), store(out(), {use(i_)}, load(row, {use(i_)}))}),
                LoopKind::parallel);
  };
  EXPECT_EQ(refusal(through(mine)), "");
  EXPECT_THAT(refusal(through(theirs)), HasSubstr("row is no scratch of the kernel"));
}

TEST_F(Verify, LoopsMustBeWhatTheirKindNeeds) {
  const auto inside = [&](LoopKind kind, Expr extent) { return loop(j_, std::move(extent), copy(use(i_)), kind); };
  const auto parallel = [&](Stmt body) { return loop(i_, integer(8), std::move(body), LoopKind::parallel); };
  EXPECT_THAT(refusal(parallel(inside(LoopKind::unrolled, param(Param::rows)))), HasSubstr("j has no constant extent"));
  EXPECT_THAT(refusal(parallel(inside(LoopKind::vectorized, param(Param::rows)))), HasSubstr("j has no constant extent"));
  EXPECT_THAT(refusal(parallel(inside(LoopKind::parallel, integer(8)))), HasSubstr("j is inside another"));
  EXPECT_THAT(refusal(parallel(inside(LoopKind::serial, integer(9)))), HasSubstr("9 iterations of j"));
  EXPECT_THAT(refusal(parallel(loop(i_, integer(8), copy(use(i_))))), HasSubstr("i is defined inside itself"));
  const Stmt vector = loop(j_, integer(8), loop(variable("k", 8), integer(8), copy(use(i_))), LoopKind::vectorized);
  EXPECT_THAT(refusal(parallel(vector)), HasSubstr("k inside a vectorised one"));
}

TEST_F(Verify, ElementsThatEveryThreadWouldStoreAreRefused) {
  const char* const why = "every thread would store to the same elements of out";
  EXPECT_THAT(refusal(loop(i_, integer(8), copy(use(i_)))), HasSubstr(why));
  EXPECT_THAT(refusal(loop(i_, integer(8), loop(j_, integer(8), copy(use(j_))), LoopKind::parallel)), HasSubstr(why));
  // Through a let, by the thread's own number, or under a condition on it, each has its own.
  const Var half = variable("half");
  EXPECT_EQ(refusal(loop(i_, integer(8), let(half, use(i_) / integer(2), copy(use(half))), LoopKind::parallel)), "");
  EXPECT_EQ(refusal(copy(param(Param::thread))), "");
  EXPECT_EQ(refusal(branch(less(param(Param::thread), integer(1)), copy(integer(3)))), "");
}

}  // namespace
}  // namespace nntune::loopir
