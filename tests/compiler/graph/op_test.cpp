#include "compiler/graph/op.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nntune::graph {
namespace {

using testing::HasSubstr;

std::vector<TensorType> types(std::initializer_list<const char*> texts) {
  std::vector<TensorType> out;
  for (const char* text : texts) out.push_back(TensorType::parse(text).value());
  return out;
}

std::string inferred(const char* op, std::initializer_list<const char*> inputs) {
  const auto parsed = Op::parse(op);
  if (!parsed) return parsed.error().message();
  const auto type = infer_type(*parsed, types(inputs));
  return type ? type->text() : type.error().message();
}

TEST(Op, TextRoundTrips) {
  for (const char* text : {"input{x:f32[1,256]}",
                           "weight{layers.*.q_proj:bf16[2048,1024]}",
                           "embed{}",
                           "rowwise{}",
                           "rowwise{rms(1e-06,128)|scale|rope(128)}",
                           "matmul{;}",
                           "matmul{rms(1e-06,0)|scale;add}",
                           "matmul{;swiglu_pairs(16)|cast(bf16)|pack(0:8,1:2)}",
                           "attention{16,8,0.08838834764831845;rms(1e-06,128)|scale|rope(128);cast(bf16)}",
                           "attention{16,2,0.125,3;rms(1e-06,128)|scale;}",
                           "attention_merge{16,3;}",
                           "attention_merge{16,2;cast(bf16)|pack(0:8,1:2)}",
                           "cache_append{cast(bf16)}",
                           "slice{0,2048}",
                           "slice{0,2048,rows}",
                           "concat{}",
                           "interleave{16}",
                           "transpose{}",
                           "reshape{3,32}",
                           "reshape{96}",
                           "pack{0:32,1:2}",
                           "unpack{}",
                           "argmax{}",
                           "rowwise{swiglu}",
                           "rowwise{rms(1e-06,0)|scale|quantise(32)|pack(0:8,1:4)}",
                           "weight{layers.*.q_proj:i8/32[2048,1024]<0:16,1:4>}",
                           "rowwise{bias|swiglu_split|softmax}",
                           "matmul{;bias|rope(64)}"}) {
    const auto op = Op::parse(text);
    ASSERT_TRUE(op) << text << ": " << op.error().message();
    EXPECT_EQ(op->text(), text);
    EXPECT_EQ(*Op::parse(op->text()), *op);
  }
}

template <std::size_t... kinds>
std::vector<Op> one_of_each(std::index_sequence<kinds...>) {
  return {Op(std::variant_alternative_t<kinds, Op::Form>{})...};
}

TEST(Op, TheFormsStandInTheOrderOfTheTable) {
  const std::vector<Op> ops = one_of_each(std::make_index_sequence<std::size(kOps)>());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    EXPECT_EQ(ops[i].kind(), kOps[i].kind);
    EXPECT_TRUE(ops[i].text().starts_with(kOps[i].name)) << ops[i].text();
  }
  EXPECT_EQ(Op(Slice{}).traits().name, "slice");
  EXPECT_EQ(Op(CacheAppend{}).traits().name, "cache_append");
  EXPECT_EQ(Op(Argmax{}).traits().name, "argmax");
}

TEST(Op, WhatReadsThePositionIsTold) {
  EXPECT_TRUE(reads_position(*Op::parse("attention{16,8,0.125;;}")));
  EXPECT_TRUE(reads_position(*Op::parse("rowwise{bias|rope(64)}")));
  EXPECT_FALSE(reads_position(*Op::parse("rowwise{rms(1e-06,64)|scale}")));
}

TEST(Op, MalformedTextIsRefused) {
  for (const char* text : {"",
                           "matmul",
                           "matmul{}",
                           "matmul{;;}",
                           "matmul{;",
                           "nonsense{}",
                           "embed{1}",
                           "rowwise{rms}",
                           "rowwise{rms(1)}",
                           "rowwise{scale(1)}",
                           "rowwise{scale||add}",
                           "rowwise{|}",
                           "rowwise{cast(f64)}",
                           "rowwise{quantise}",
                           "rowwise{quantise(x)}",
                           "rowwise{pack(8)}",
                           "slice{1}",
                           "slice{1,2,3}",
                           "interleave{}",
                           "transpose{1}",
                           "reshape{}",
                           "reshape{x}",
                           "input{x}",
                           "input{:f32[1]}",
                           "attention{1,1;;}",
                           "attention{1,1,x;;}",
                           "attention{1,1,1,1;;}",
                           "attention{1,1,1,2,3;;}",
                           "attention_merge{1;}",
                           "attention_merge{1,2}"}) {
    EXPECT_FALSE(Op::parse(text)) << text;
  }
}

TEST(InferType, MatmulWithChainsOnBothSides) {
  EXPECT_EQ(
      inferred("matmul{rms(1e-06,0)|scale;add|cast(bf16)}", {"f32[4,64]", "f32[64]", "bf16[32,64]<0:16,1:2>", "f32[4,32]"}),
      "bf16[4,32]");
}

TEST(InferType, TransposesAndReshapesKeepTheLanesOfTheirDimension) {
  EXPECT_EQ(inferred("transpose{}", {"bf16[12,8]"}), "bf16[8,12]");
  EXPECT_EQ(inferred("transpose{}", {"f32[12,8]<0:4,1:2>"}), "f32[8,12]<1:4,0:2>");
  EXPECT_EQ(inferred("reshape{4,24}", {"i8[12,8]"}), "i8[4,24]");
  EXPECT_EQ(inferred("reshape{96}", {"f32[12,8]<1:4>"}), "f32[96]<0:4>");
  EXPECT_EQ(inferred("reshape{4,24}", {"f32[12,8]<1:8>"}), "f32[4,24]<1:8>");
  EXPECT_THAT(inferred("reshape{4,24}", {"f32[12,8]<0:4>"}), HasSubstr("has lanes across rows"));
  EXPECT_THAT(inferred("reshape{8,12}", {"f32[12,8]<1:8>"}), HasSubstr("do not divide the rows"));
  EXPECT_THAT(inferred("reshape{5,5}", {"f32[12,8]"}), HasSubstr("has not as many elements"));
  EXPECT_THAT(inferred("reshape{2,2,2}", {"f32[4,2]"}), HasSubstr("must be a vector or a matrix"));
  EXPECT_THAT(inferred("transpose{}", {"f32[8]"}), HasSubstr("must be a matrix"));
  EXPECT_EQ(inferred("matmul{;}", {"i8[4,64]", "i8[32,64]<0:16,1:4>"}), "f32[4,32]");
}

TEST(InferType, EachOperation) {
  EXPECT_EQ(inferred("input{x:f32[1,2]}", {}), "f32[1,2]");
  EXPECT_EQ(inferred("embed{}", {"i32[5]", "bf16[100,8]"}), "f32[5,8]");
  EXPECT_EQ(inferred("rowwise{cast(bf16)|pack(0:8,1:2)}", {"f32[12,8]"}), "bf16[12,8]<0:8,1:2>");
  EXPECT_EQ(inferred("rowwise{scale}", {"bf16[12,8]", "f32[8]"}), "f32[12,8]");
  EXPECT_EQ(inferred("rowwise{rope(4)}", {"f32[12,8]", "f32[?,4]"}), "f32[12,8]");
  EXPECT_EQ(inferred("rowwise{swiglu}", {"f32[2,8]", "f32[2,8]"}), "f32[2,8]");
  EXPECT_EQ(inferred("rowwise{swiglu_split}", {"f32[2,8]"}), "f32[2,4]");
  EXPECT_EQ(inferred("rowwise{swiglu_pairs(2)}", {"f32[2,8]"}), "f32[2,4]");
  EXPECT_EQ(inferred("attention{4,2,0.5;;}", {"f32[3,32]", "bf16[2,?,8]", "bf16[2,?,8]"}), "f32[3,32]");
  EXPECT_EQ(inferred("attention{4,2,0.5;scale;cast(bf16)}", {"f32[3,32]", "f32[8]", "bf16[2,?,8]", "bf16[2,?,8]"}),
            "bf16[3,32]");
  EXPECT_EQ(inferred("attention{4,2,0.5,3;scale;}", {"f32[1,32]", "f32[8]", "bf16[2,?,8]", "bf16[2,?,8]"}), "f32[1,108]");
  EXPECT_EQ(inferred("attention_merge{4,3;}", {"f32[1,108]"}), "f32[1,32]");
  EXPECT_EQ(inferred("attention_merge{4,3;cast(bf16)}", {"f32[1,108]"}), "bf16[1,32]");
  EXPECT_EQ(inferred("cache_append{}", {"f32[3,16]", "bf16[2,?,8]"}), "bf16[2,?,8]");
  EXPECT_EQ(inferred("cache_append{scale}", {"f32[3,16]", "f32[8]", "f32[2,64,8]"}), "f32[2,64,8]");
  EXPECT_EQ(inferred("slice{2,6}", {"f32[3,16]"}), "f32[3,4]");
  EXPECT_EQ(inferred("slice{1,3,rows}", {"f32[3,16]"}), "f32[2,16]");
  EXPECT_EQ(inferred("concat{}", {"bf16[3,16]", "bf16[5,16]", "bf16[1,16]"}), "bf16[9,16]");
  EXPECT_EQ(inferred("interleave{2}", {"bf16[4,16]", "bf16[4,16]"}), "bf16[8,16]");
  EXPECT_EQ(inferred("pack{0:4}", {"f32[9,16]"}), "f32[9,16]<0:4>");
  EXPECT_EQ(inferred("unpack{}", {"f32[9,16]<0:4>"}), "f32[9,16]");
  EXPECT_EQ(inferred("argmax{}", {"f32[3,16]"}), "i32[3]");
}

TEST(InferType, QuantisingGivesBlocksThatArithmeticReads) {
  EXPECT_EQ(inferred("rowwise{quantise(4)}", {"f32[2,8]"}), "i8/4[2,8]");
  EXPECT_EQ(inferred("rowwise{rms(1e-06,0)|scale|quantise(4)|pack(0:2,1:4)}", {"bf16[2,8]", "f32[8]"}),
            "i8/4[2,8]<0:2,1:4>");
  EXPECT_EQ(inferred("rowwise{quantise(4)}", {"f32[2,8]<0:2,1:4>"}), "i8/4[2,8]<0:2,1:4>");
  EXPECT_EQ(inferred("rowwise{add}", {"i8/4[2,8]", "f32[2,8]"}), "f32[2,8]");
  EXPECT_EQ(inferred("rowwise{cast(bf16)}", {"i8/4[2,8]"}), "bf16[2,8]");
  EXPECT_EQ(inferred("matmul{;}", {"i8/32[4,64]<0:4,1:4>", "i8/32[32,64]<0:16,1:4>"}), "f32[4,32]");
  EXPECT_EQ(inferred("matmul{scale|quantise(32);swiglu_split|quantise(16)}", {"f32[4,64]", "f32[64]", "i8/32[32,64]"}),
            "i8/16[4,16]");
  EXPECT_EQ(inferred("attention{4,2,0.5;;quantise(8)}", {"f32[3,32]", "f32[2,?,8]", "f32[2,?,8]"}), "i8/8[3,32]");
  EXPECT_EQ(inferred("embed{}", {"i32[5]", "i8/4[100,8]"}), "f32[5,8]");
  EXPECT_EQ(inferred("slice{1,3,rows}", {"i8/4[3,8]"}), "i8/4[2,8]");
  EXPECT_EQ(inferred("concat{}", {"i8/4[3,8]", "i8/4[5,8]"}), "i8/4[8,8]");
  EXPECT_THAT(inferred("rowwise{quantise(3)}", {"f32[2,8]"}), HasSubstr("divisor of the 8 columns"));
  EXPECT_THAT(inferred("rowwise{quantise(0)}", {"f32[2,8]"}), HasSubstr("divisor of the 8 columns"));
  EXPECT_THAT(inferred("concat{}", {"i8/4[3,8]", "i8/8[5,8]"}), HasSubstr("equal columns and dtype"));
  EXPECT_THAT(inferred("concat{}", {"i8/4[3,8]", "i8[5,8]"}), HasSubstr("equal columns and dtype"));
  EXPECT_THAT(inferred("slice{0,4}", {"i8/4[3,8]"}), HasSubstr("must not be quantised in blocks"));
  EXPECT_THAT(inferred("transpose{}", {"i8/4[8,8]"}), HasSubstr("must not be quantised in blocks"));
  EXPECT_THAT(inferred("reshape{16,4}", {"i8/4[8,8]"}), HasSubstr("must not be quantised in blocks"));
}

TEST(InferType, MisfitsNameTheOperationAndTheOperand) {
  EXPECT_THAT(inferred("matmul{;}", {"f32[1,5]", "bf16[8,4]"}), HasSubstr("matmul{;}: x is f32[1,5] and w is bf16[8,4]"));
  EXPECT_THAT(inferred("matmul{;}", {"f32[1,5]"}), HasSubstr("has 1 operands, takes 2"));
  EXPECT_THAT(inferred("matmul{;add}", {"f32[1,4]", "bf16[8,4]", "f32[1,4]"}), HasSubstr("add: its operand is f32[1,4]"));
  EXPECT_THAT(inferred("rowwise{scale}", {"f32[1,5]", "f32[2]"}), HasSubstr("divides the 5 columns"));
  EXPECT_THAT(inferred("rowwise{scale}", {"f32[1,5]", "bf16[5]"}), HasSubstr("its operand is bf16[5]"));
  EXPECT_THAT(inferred("rowwise{rope(3)}", {"f32[1,6]", "f32[?,3]"}), HasSubstr("even divisor"));
  EXPECT_THAT(inferred("rowwise{rope(2)}", {"f32[1,6]", "f32[?,4]"}), HasSubstr("must be f32[?,2]"));
  EXPECT_THAT(inferred("rowwise{pack(0:4)|softmax}", {"f32[1,6]"}), HasSubstr("pack must be the last step"));
  EXPECT_THAT(inferred("rowwise{pack(0:4)}", {"f32[1,6]<0:2>"}), HasSubstr("must be row-major"));
  EXPECT_THAT(inferred("rowwise{cast(i32)}", {"f32[1,6]"}), HasSubstr("only casts to f32 and bf16"));
  EXPECT_THAT(inferred("rowwise{softmax}", {"i32[6]"}), HasSubstr("must be a matrix"));
  EXPECT_THAT(inferred("attention{3,2,1;;}", {"f32[1,24]", "f32[2,?,8]", "f32[2,?,8]"}), HasSubstr("multiple of kv_heads"));
  EXPECT_THAT(inferred("attention{4,2,1;;}", {"f32[1,24]", "f32[2,?,8]", "f32[2,?,8]"}), HasSubstr("heads*d = 32"));
  EXPECT_THAT(inferred("attention{4,2,1;;}", {"f32[1,32]", "f32[2,?,8]", "bf16[2,?,8]"}), HasSubstr("v is bf16"));
  EXPECT_THAT(inferred("attention{4,2,1;;softmax}", {"f32[1,32]", "f32[2,?,8]", "f32[2,?,8]"}),
              HasSubstr("only cast, quantise and pack"));
  EXPECT_THAT(inferred("attention{4,2,1,2;;}", {"f32[2,32]", "f32[2,?,8]", "f32[2,?,8]"}),
              HasSubstr("only one row is split"));
  EXPECT_THAT(inferred("attention{4,2,1,2;;cast(bf16)}", {"f32[1,32]", "f32[2,?,8]", "f32[2,?,8]"}),
              HasSubstr("belongs behind attention_merge"));
  EXPECT_THAT(inferred("attention_merge{4,3;}", {"f32[1,100]"}), HasSubstr("must be row-major f32[1,12*(d+1)]"));
  EXPECT_THAT(inferred("attention_merge{4,3;}", {"f32[2,108]"}), HasSubstr("must be row-major f32[1,12*(d+1)]"));
  EXPECT_THAT(inferred("attention_merge{4,3;softmax}", {"f32[1,108]"}), HasSubstr("only cast, quantise and pack"));
  EXPECT_THAT(inferred("attention_merge{4,1;}", {"f32[1,36]"}), HasSubstr("4 heads and 1 splits"));
  EXPECT_THAT(inferred("cache_append{}", {"f32[1,32]", "f32[2,?,8]"}), HasSubstr("the cache is f32[2,?,8]"));
  EXPECT_THAT(inferred("slice{4,9}", {"f32[1,8]"}), HasSubstr("within the 8 columns"));
  EXPECT_THAT(inferred("concat{}", {"f32[1,8]", "f32[1,9]"}), HasSubstr("equal columns"));
  EXPECT_THAT(inferred("interleave{2}", {"f32[3,8]", "f32[3,8]"}), HasSubstr("multiple of the group"));
  EXPECT_THAT(inferred("embed{}", {"f32[1]", "f32[3,8]"}), HasSubstr("ids are f32[1]"));
  EXPECT_THAT(inferred("unpack{}", {"f32[3,8]"}), HasSubstr("not packed"));
  EXPECT_THAT(inferred("pack{2:4}", {"f32[3,8]"}), HasSubstr("axis beyond its shape"));
  EXPECT_THAT(inferred("argmax{}", {"bf16[3,8]"}), HasSubstr("must be row-major f32"));
}

}  // namespace
}  // namespace nntune::graph
