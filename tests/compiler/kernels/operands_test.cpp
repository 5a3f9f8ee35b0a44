#include "compiler/kernels/operands.h"

#include <gtest/gtest.h>

#include "compiler/kernels/family.h"

namespace nntune::kernels {
namespace {

TEST(Operands, NothingQuantisedIsGeneratedYetAndEachFamilySaysSo) {
  for (const char* text : {"rowwise{rms(1e-06,0)|quantise(32)}(f32[4,64])->i8/32[4,64] past=0 t=1",
                           "rowwise{quantise(32)|add}(f32[4,64],f32[4,64])->f32[4,64] past=0 t=1",
                           "matmul{;}(i8/32[4,64]<0:4,1:4>,i8/32[64,64]<0:16,1:4>)->f32[4,64] past=0 t=1",
                           "matmul{quantise(32);}(f32[4,64],f32[64,64]<0:16>)->f32[4,64] past=0 t=1",
                           "matmul{;quantise(32)|cast(f32)}(f32[4,64],f32[64,64]<0:16>)->f32[4,64] past=0 t=1",
                           "attention{1,1,0.5;;quantise(32)}(f32[1,64],f32[1,?,64],f32[1,?,64])->i8/32[1,64] past=3 t=1",
                           "attention_merge{1,2;quantise(32)}(f32[1,130])->i8/32[1,64] past=0 t=1",
                           "cache_append{quantise(32)}(f32[1,64],f32[1,?,64])->f32[1,?,64] past=3 t=1",
                           "embed{}(i32[3],i8/32[10,64])->f32[3,64] past=0 t=1"}) {
    const auto workload = schedule::Workload::parse(text);
    ASSERT_TRUE(workload.has_value()) << text << ": " << workload.error().message();
    const std::string why = (*find_family(*workload))->refuse(*workload, Isa{});
    EXPECT_TRUE(why == "operands of i8 are not generated" || why == "quantising is not generated") << text << ": " << why;
  }
}

}  // namespace
}  // namespace nntune::kernels
