#include "compiler/reference/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/reference/random.h"

namespace nntune::reference {
namespace {

using Tensor = HostTensor<double>;
using testing::ElementsAre;
using testing::HasSubstr;

Tensor tensor(const char* type, std::vector<double> values) {
  return {graph::TensorType::parse(type).value(), std::move(values)};
}
Tensor random(const char* type, std::uint64_t seed) {
  return random_tensor<double>(graph::TensorType::parse(type).value(), seed);
}

Expected<Tensor> run(const char* op, const std::vector<Tensor>& inputs, std::int64_t past = 0) {
  return evaluate<double>(graph::Op::parse(op).value(), std::span<const Tensor>(inputs), EvalContext{past});
}

double silu(double x) { return x / (1 + std::exp(-x)); }

void expect_near(const Tensor& a, const Tensor& b, double tolerance) {
  ASSERT_EQ(a.type, b.type) << a.type.text() << " " << b.type.text();
  for (std::size_t i = 0; i < a.values.size(); ++i) ASSERT_NEAR(a.values[i], b.values[i], tolerance) << "element " << i;
}

TEST(Evaluate, MatmulMultipliesRowsWithRows) {
  const auto out = run("matmul{;}", {tensor("f32[2,3]", {1, 2, 3, 4, 5, 6}), tensor("f32[2,3]", {1, 0, -1, 2, 2, 2})});
  EXPECT_THAT(out->values, ElementsAre(-2, 12, -2, 30));
}

TEST(Evaluate, MatmulOfOddSizesIsTheSumOfProducts) {
  const Tensor x = random("f32[3,37]", 1);
  const Tensor w = random("bf16[71,37]", 2);
  const auto out = run("matmul{;}", {x, w});
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t j = 0; j < 71; ++j) {
      double sum = 0;
      for (std::int64_t k = 0; k < 37; ++k) sum += x.row(i)[k] * w.row(j)[k];
      EXPECT_NEAR(out->row(i)[j], sum, 1e-12);
    }
  }
}

TEST(Evaluate, TransposeTurnsAndReshapeKeepsTheOrder) {
  const std::vector<Tensor> x = {tensor("f32[2,3]", {1, 2, 3, 4, 5, 6})};
  EXPECT_THAT(run("transpose{}", x)->values, ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_THAT(run("reshape{3,2}", x)->values, ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(Evaluate, WithoutRoundingACastChangesTheTypeAlone) {
  const std::vector<Tensor> x = {tensor("f32[1,2]", {1.001, 2})};
  const auto op = graph::Op::parse("rowwise{cast(bf16)}").value();
  const auto out = evaluate<double>(op, std::span<const Tensor>(x), EvalContext{.past = 0, .rounds = false});
  EXPECT_EQ(out->type.dtype, graph::DType::bf16);
  EXPECT_THAT(out->values, ElementsAre(1.001, 2));
  EXPECT_THAT(run("rowwise{cast(bf16)}", x)->values, ElementsAre(1, 2));
}

TEST(Evaluate, QuantisingRoundsToMultiplesOfTheScaleOfEachBlock) {
  // Scales 2 and 0.5; 7 and 9 lie half-way between two integers: to the even one.
  const Tensor x = tensor("f32[1,8]", {254, -3.1, 7, 9, -63.5, 0.2, 0.3, 0});
  EXPECT_THAT(run("rowwise{quantise(4)}", {x})->values, ElementsAre(254, -4, 8, 8, -63.5, 0, 0.5, 0));
  EXPECT_THAT(run("rowwise{quantise(4)}", {tensor("f32[1,4]", {0, 0, 0, 0})})->values, ElementsAre(0, 0, 0, 0));
  const auto op = graph::Op::parse("rowwise{quantise(4)}").value();
  const auto exact = evaluate<double>(op, std::span<const Tensor>(&x, 1), EvalContext{.past = 0, .rounds = false});
  EXPECT_EQ(exact->type.text(), "i8/4[1,8]");
  EXPECT_EQ(exact->values, x.values);
}

TEST(Evaluate, QuantisedValuesAreNearAndQuantisingThemAgainChangesNothing) {
  const Tensor x = random("f32[5,96]", 3);
  const Tensor once = *run("rowwise{quantise(32)}", {x});
  for (std::size_t i = 0; i < x.values.size(); ++i) EXPECT_NEAR(once.values[i], x.values[i], 0.5001 / 127);
  EXPECT_EQ(run("rowwise{quantise(32)}", {once})->values, once.values);
}

TEST(Evaluate, AProductOfBlocksIsTheSumOfTheirIntegerProductsTimesBothScales) {
  const Tensor x = *run("rowwise{quantise(32)}", {random("f32[3,96]", 1)});
  const Tensor w = random("i8/32[5,96]<0:4,1:4>", 2);
  const auto out = run("matmul{;}", {x, w});
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t j = 0; j < 5; ++j) {
      double sum = 0;
      for (std::int64_t begin = 0; begin < 96; begin += 32) {
        const double x_scale = block_scale(x.row(i) + begin, 32);
        const double w_scale = block_scale(w.row(j) + begin, 32);
        std::int32_t product = 0;
        for (std::int64_t k = begin; k < begin + 32; ++k) {
          product += static_cast<std::int32_t>(std::lround(x.row(i)[k] / x_scale)) *
                     static_cast<std::int32_t>(std::lround(w.row(j)[k] / w_scale));
        }
        sum += x_scale * w_scale * product;
      }
      EXPECT_NEAR(out->row(i)[j], sum, 1e-12);
    }
  }
}

TEST(Evaluate, RmsDividesEachGroupByItsRootMeanSquare) {
  const Tensor x = tensor("f32[1,4]", {3, 4, 1, 0});
  EXPECT_NEAR(run("rowwise{rms(0,0)}", {x})->values[0], 3 / std::sqrt(26.0 / 4), 1e-15);
  const auto grouped = run("rowwise{rms(0.5,2)}", {x});
  EXPECT_NEAR(grouped->values[1], 4 / std::sqrt(12.5 + 0.5), 1e-15);
  EXPECT_NEAR(grouped->values[2], 1 / std::sqrt(0.5 + 0.5), 1e-15);
}

TEST(Evaluate, ScaleRepeatsAlongTheRow) {
  EXPECT_THAT(run("rowwise{scale}", {tensor("f32[1,4]", {1, 2, 3, 4}), tensor("f32[2]", {10, 100})})->values,
              ElementsAre(10, 200, 30, 400));
}

TEST(Evaluate, BiasRepeatsAlongTheRow) {
  EXPECT_THAT(run("rowwise{bias}", {tensor("f32[1,4]", {1, 2, 3, 4}), tensor("f32[2]", {10, 100})})->values,
              ElementsAre(11, 102, 13, 104));
}

TEST(Evaluate, SwigluTakesGateAndUpFromWhereTheyLie) {
  const Tensor gate = tensor("f32[1,4]", {1, -2, 3, -4});
  const Tensor up = tensor("f32[1,4]", {5, 6, 7, 8});
  const auto whole = run("rowwise{swiglu}", {gate, up});
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(whole->values[i], silu(gate.values[i]) * up.values[i], 1e-15);
  EXPECT_EQ(run("rowwise{swiglu_split}", {tensor("f32[1,8]", {1, -2, 3, -4, 5, 6, 7, 8})})->values, whole->values);
  EXPECT_EQ(run("rowwise{swiglu_pairs(2)}", {tensor("f32[1,8]", {1, -2, 5, 6, 3, -4, 7, 8})})->values, whole->values);
  EXPECT_EQ(run("rowwise{swiglu_pairs(1)}", {tensor("f32[1,8]", {1, 5, -2, 6, 3, 7, -4, 8})})->values, whole->values);
}

TEST(Evaluate, RopeRotatesHalvesByTheAngleOfThePosition) {
  // Two heads of 2 columns; position p turns by p quarter turns.
  const Tensor table = tensor("f32[4,2]", {1, 0, 0, 1, -1, 0, 0, -1});
  const Tensor x = tensor("f32[2,4]", {1, 2, 3, 4, 1, 2, 3, 4});
  EXPECT_THAT(run("rowwise{rope(2)}", {x, table})->values, ElementsAre(1, 2, 3, 4, -2, 1, -4, 3));
  EXPECT_THAT(run("rowwise{rope(2)}", {x, table}, 2)->values, ElementsAre(-1, -2, -3, -4, 2, -1, 4, -3));
  EXPECT_THAT(run("rowwise{rope(2)}", {x, table}, 3).error().message(), HasSubstr("do not fit a table of 4 positions"));
}

TEST(Evaluate, SoftmaxSumsToOneAlsoForLargeValues) {
  const auto out = run("rowwise{softmax}", {tensor("f32[1,3]", {1000, 1000 + std::log(2.0), 0})});
  EXPECT_NEAR(out->values[0], 1.0 / 3, 1e-12);
  EXPECT_NEAR(out->values[1], 2.0 / 3, 1e-12);
}

TEST(Evaluate, CastRoundsToNearestEven) {
  const double ulp = 0x1p-7;  // of bf16 in [1, 2)
  EXPECT_THAT(
      run("rowwise{cast(bf16)}", {tensor("f32[1,4]", {1 + ulp / 2, 1 + 1.5 * ulp, 1 + 0.6 * ulp, -1 - ulp / 2})})->values,
      ElementsAre(1, 1 + 2 * ulp, 1 + ulp, -1));
}

TEST(Evaluate, AFusedMatmulEqualsItsParts) {
  const Tensor x = random("f32[3,16]", 1), norm = random("f32[16]", 2), w = random("bf16[8,16]", 3),
               r = random("f32[3,8]", 4);
  const auto fused = run("matmul{rms(1e-06,0)|scale;add|cast(bf16)}", {x, norm, w, r});
  const auto normed = run("rowwise{scale}", {*run("rowwise{rms(1e-06,0)}", {x}), norm});
  const auto parts = run("rowwise{cast(bf16)}", {*run("rowwise{add}", {*run("matmul{;}", {*normed, w}), r})});
  expect_near(*fused, *parts, 1e-15);
}

TEST(Evaluate, PackingChangesTheTypeAndNoValue) {
  const Tensor w = random("bf16[5,7]", 1);
  const auto packed = run("pack{0:4,1:2}", {w});
  EXPECT_EQ(packed->type.text(), "bf16[5,7]<0:4,1:2>");
  EXPECT_EQ(packed->values, w.values);
  EXPECT_EQ(run("rowwise{pack(0:4,1:2)}", {w})->values, w.values);
  expect_near(*run("unpack{}", {*packed}), w, 0);
}

TEST(Evaluate, AttentionIsCausalAndSharesHeads) {
  const std::int64_t past = 2, m = 3, heads = 4, kv_heads = 2, d = 5;
  const Tensor q = random("f32[3,20]", 1);
  const Tensor k = random("f32[2,8,5]", 2), v = random("f32[2,8,5]", 3);
  const auto out = run("attention{4,2,0.3;;}", {q, k, v}, past);
  for (std::int64_t h = 0; h < heads; ++h) {
    const std::int64_t kv = h * kv_heads / heads;
    for (std::int64_t i = 0; i < m; ++i) {
      double total = 0;
      std::vector<double> sum(static_cast<std::size_t>(d), 0.0);
      for (std::int64_t p = 0; p <= past + i; ++p) {
        double score = 0;
        for (std::int64_t c = 0; c < d; ++c) score += q.row(i)[h * d + c] * k.row(kv * 8 + p)[c];
        total += std::exp(0.3 * score);
        for (std::int64_t c = 0; c < d; ++c)
          sum[static_cast<std::size_t>(c)] += std::exp(0.3 * score) * v.row(kv * 8 + p)[c];
      }
      for (std::int64_t c = 0; c < d; ++c)
        EXPECT_NEAR(out->row(i)[h * d + c], sum[static_cast<std::size_t>(c)] / total, 1e-12);
    }
  }
  EXPECT_THAT(run("attention{4,2,0.3;;}", {q, k, v}, 6).error().message(), HasSubstr("do not fit a cache of 8"));
}

TEST(Evaluate, MergedSplitsOfAttentionAreTheAttention) {
  const Tensor q = random("f32[1,20]", 1);
  const Tensor k = random("f32[2,160,5]", 2), v = random("f32[2,160,5]", 3);
  for (const std::int64_t past : {0, 31, 32, 99, 159}) {
    const auto whole = run("attention{4,2,0.3;;cast(bf16)}", {q, k, v}, past);
    for (const char* splits : {"2", "3", "7"}) {
      SCOPED_TRACE(splits);
      const auto parts = run((std::string("attention{4,2,0.3,") + splits + ";;}").c_str(), {q, k, v}, past);
      const auto merged = run((std::string("attention_merge{4,") + splits + ";cast(bf16)}").c_str(), {*parts}, past);
      expect_near(*merged, *whole, 1e-12);
    }
  }
}

TEST(Evaluate, ASplitOfAttentionIsTheAttentionToItsPositions) {
  // One head of one column. 40 positions are two blocks; three splits have none, one and one of them.
  const Tensor q = tensor("f32[1,1]", {1});
  Tensor k = tensor("f32[1,40,1]", std::vector<double>(40, 0)), v = k;
  for (std::size_t p = 0; p < 40; ++p) {
    k.values[p] = p < 32 ? 0 : std::log(4.0);
    v.values[p] = p < 32 ? 1 : 3;
  }
  const auto parts = run("attention{1,1,1,3;;}", {q, k, v}, 39);
  const std::vector<double> expected = {0, 1, 3, graph::kNoPositions, 5, 5};  // log2 of 32 * 1 and of 8 * 4
  ASSERT_EQ(parts->values.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(parts->values[i], expected[i], 1e-12) << i;
  EXPECT_NEAR(run("attention_merge{1,3;}", {*parts})->values[0], 2, 1e-12);
}

TEST(Evaluate, CacheAppendWritesOnlyItsRowsAndRounds) {
  const Tensor cache = random("bf16[2,4,3]", 1);
  const Tensor x = random("f32[2,6]", 2);
  const auto out = run("cache_append{}", {x, cache}, 1);
  for (std::int64_t h = 0; h < 2; ++h) {
    for (std::int64_t p = 0; p < 4; ++p) {
      for (std::int64_t c = 0; c < 3; ++c) {
        const bool written = p == 1 || p == 2;
        const double want = written ? round_to(graph::DType::bf16, x.row(p - 1)[h * 3 + c]) : cache.row(h * 4 + p)[c];
        EXPECT_EQ(out->row(h * 4 + p)[c], want);
      }
    }
  }
  EXPECT_FALSE(run("cache_append{}", {x, cache}, 3));
}

TEST(Evaluate, EmbedTakesRowsAndRefusesOtherIds) {
  const Tensor table = tensor("bf16[3,2]", {1, 2, 3, 4, 5, 6});
  EXPECT_THAT(run("embed{}", {tensor("i32[2]", {2, 0}), table})->values, ElementsAre(5, 6, 1, 2));
  EXPECT_THAT(run("embed{}", {tensor("i32[1]", {3}), table}).error().message(),
              HasSubstr("id 3 is not in a table of 3 rows"));
  EXPECT_FALSE(run("embed{}", {tensor("i32[1]", {-1}), table}));
}

TEST(Evaluate, SliceConcatAndInterleaveMoveValues) {
  const Tensor a = tensor("f32[2,3]", {1, 2, 3, 4, 5, 6}), b = tensor("f32[2,3]", {7, 8, 9, 10, 11, 12});
  EXPECT_THAT(run("slice{1,3}", {a})->values, ElementsAre(2, 3, 5, 6));
  EXPECT_THAT(run("slice{1,2,rows}", {a})->values, ElementsAre(4, 5, 6));
  EXPECT_THAT(run("concat{}", {a, b})->values, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
  EXPECT_THAT(run("interleave{1}", {a, b})->values, ElementsAre(1, 2, 3, 7, 8, 9, 4, 5, 6, 10, 11, 12));
  EXPECT_EQ(run("interleave{2}", {a, b})->values, run("concat{}", {a, b})->values);
}

TEST(Evaluate, ArgmaxTakesTheLowestIndexAmongEquals) {
  EXPECT_THAT(run("argmax{}", {tensor("f32[2,4]", {1, 5, 5, 2, -3, -1, -2, -1})})->values, ElementsAre(1, 1));
}

TEST(Evaluate, FloatAgreesWithDouble) {
  const auto type = [](const char* text) { return graph::TensorType::parse(text).value(); };
  const graph::Op op = graph::Op::parse("matmul{rms(1e-06,0)|scale;swiglu_split}").value();
  const std::vector<HostTensor<float>> narrow = {random_tensor<float>(type("f32[4,300]"), 1),
                                                 random_tensor<float>(type("f32[300]"), 2),
                                                 random_tensor<float>(type("bf16[64,300]"), 3)};
  const std::vector<Tensor> wide = {random("f32[4,300]", 1), random("f32[300]", 2), random("bf16[64,300]", 3)};
  const auto a = evaluate<float>(op, std::span<const HostTensor<float>>(narrow));
  const auto b = evaluate<double>(op, std::span<const Tensor>(wide));
  for (std::size_t i = 0; i < a->values.size(); ++i) EXPECT_NEAR(a->values[i], b->values[i], 2e-4) << i;
}

TEST(EvaluateGraph, RunsNodesInOrderWithWeightsByName) {
  graph::Graph g;
  const auto x = g.add(graph::input("x", *graph::TensorType::parse("f32[1,2]"))).value();
  const auto w = g.add(graph::weight("layers.*.w", *graph::TensorType::parse("f32[2,2]"))).value();
  const auto y = g.add(graph::matmul(), {x, w}).value();
  g.set_outputs({g.add(graph::rowwise({{.kind = graph::StepKind::add}}), {y, x}).value(), y});
  const Tensor weights = tensor("f32[2,2]", {1, 1, 1, -1});
  const WeightLookup<double> lookup = [&](const std::string& name) -> Expected<const Tensor*> {
    if (name != "layers.*.w") return fail(ErrorKind::bad_input, "no weight " + name);
    return &weights;
  };
  const auto out = evaluate_graph<double>(g, {{"x", tensor("f32[1,2]", {3, 5})}}, lookup);
  ASSERT_TRUE(out) << out.error().message();
  EXPECT_THAT((*out)[0].values, ElementsAre(11, 3));
  EXPECT_THAT((*out)[1].values, ElementsAre(8, -2));
  EXPECT_THAT(evaluate_graph<double>(g, {}, lookup).error().message(), HasSubstr("input \"x\" is missing"));
  EXPECT_THAT(evaluate_graph<double>(g, {{"x", tensor("f32[1,3]", {3, 5, 1})}}, lookup).error().message(),
              HasSubstr("f32[1,3]"));
}

}  // namespace
}  // namespace nntune::reference
