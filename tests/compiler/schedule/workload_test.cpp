#include "compiler/schedule/workload.h"

#include <gtest/gtest.h>

namespace nntune::schedule {
namespace {

constexpr const char* kMatmul =
    "matmul{rms(1e-06,0)|scale;add}(f32[512,1024],f32[1024],bf16[64,1024]<0:32,1:2>,f32[512,64])->f32[512,64] past=0 t=2";

TEST(Workload, TextRoundTrips) {
  for (const char* text :
       {kMatmul, "attention{16,8,0.125;;}(f32[1,2048],bf16[8,?,128],bf16[8,?,128])->f32[1,2048] past=512 t=1",
        "cache_append{}(f32[1,1024],bf16[8,?,128])->bf16[8,?,128] past=7 t=1", "argmax{}(f32[1,8])->i32[1] past=0 t=1"}) {
    const auto workload = Workload::parse(text);
    ASSERT_TRUE(workload) << text << ": " << workload.error().message();
    EXPECT_EQ(workload->text(), text);
  }
}

TEST(Workload, MalformedTextIsRefused) {
  for (const char* text :
       {"", "matmul{;}", "matmul{;}()->f32[1] past=0 t=1", "matmul{;}(f32[1,8],f32[4,8])->f32[1,5] past=0 t=1",
        "matmul{;}(f32[1,8],f32[4,8])->f32[1,4] past=0 t=0", "matmul{;}(f32[1,8],f32[4,8])->f32[1,4] past=-1 t=1",
        "matmul{;}(f32[1,8],f32[4,8])->f32[1,4] past=0 t=1 t=1", "matmul{;}(f32[1,8],f32[4,8])->f32[1,4] past=0 t=1 u=1",
        "matmul{;}(f32[1,8],f32[4,8])->f32[1,4] past=0 t=5000", "matmul{;}(f32[1,8],f32[4,8])->f32[1,4] past t=1",
        "matmul{;}(f32[1,8],f32[4,8])->f32[1,4]  past=0 t=1", "matmul{;}>(f32[1,8],f32[4,8])->f32[1,4] past=0 t=1",
        "matmul{;}(f32[1,8],f32[4,8])->f32[1,4] past=x t=1", "matmul{;}(f32[1,8])->f32[1,4] past=0 t=1"}) {
    EXPECT_FALSE(Workload::parse(text)) << text;
  }
}

TEST(Workload, FieldsHaveNamesAndDefaults) {
  const std::string types = "matmul{;}(f32[1,8],f32[4,8])->f32[1,4]";
  for (const char* fields : {"", " past=0", " t=1", " t=1 past=0"}) {
    const auto workload = Workload::parse(types + fields);
    ASSERT_TRUE(workload) << workload.error().message();
    EXPECT_EQ(workload->text(), types + " past=0 t=1");
  }
}

TEST(Workload, OperationsReadTheResultOfTheOneBefore) {
  const std::string text = "rowwise{scale}>matmul{;add}>argmax{}(f32[1,8],f32[8],f32[4,8],f32[1,4])->i32[1] past=0 t=1";
  const auto workload = Workload::parse(text);
  ASSERT_TRUE(workload) << workload.error().message();
  EXPECT_EQ(workload->ops.size(), 3U);
  EXPECT_EQ(workload->text(), text);
  EXPECT_EQ(workload->family(), "rowwise>matmul>argmax");
  EXPECT_FALSE(Workload::parse("rowwise{scale}>matmul{;add}(f32[1,8],f32[8],f32[4,8])->f32[1,4] past=0 t=1"));
  EXPECT_FALSE(Workload::parse("rowwise{scale}>argmax{}(f32[1,8],f32[8],f32[8])->i32[1] past=0 t=1"));
  EXPECT_FALSE(Workload::make(std::vector<graph::Op>{}, {}, 0, 1));
}

TEST(Workload, MakeInfersTheOutput) {
  const Workload parsed = Workload::parse(kMatmul).value();
  const Workload made = Workload::make(parsed.op(), parsed.inputs, 0, 2).value();
  EXPECT_EQ(made.text(), kMatmul);
  EXPECT_EQ(made.hash(), parsed.hash());
  EXPECT_EQ(made.family(), "matmul");
  EXPECT_FALSE(Workload::make(parsed.op(), {}, 0, 2));
}

TEST(Workload, OperandMapFollowsTheOrderOfOperands) {
  const OperandMap map = operand_map(Workload::parse(kMatmul).value().op());
  EXPECT_EQ(map.x, 0U);
  EXPECT_EQ(map.prologue, 1U);
  EXPECT_EQ(map.w, 2U);
  EXPECT_EQ(map.epilogue, 3U);
  const OperandMap attention = operand_map(graph::Op::parse("attention{2,1,1;scale|rope(8);cast(bf16)}").value());
  EXPECT_EQ(attention.w, 3U);
  EXPECT_EQ(attention.epilogue, 5U);
}

}  // namespace
}  // namespace nntune::schedule
