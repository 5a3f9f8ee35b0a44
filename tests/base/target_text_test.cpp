#include "base/target_text.h"

#include <gtest/gtest.h>

#include <sstream>

namespace nntune {
namespace {

Target example() {
  Target target;
  target.isa = *Isa::from_names({"avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512vnni",
                                 "avx512bf16", "gfni", "amx-tile", "amx-bf16", "amx-int8"});
  target.cores = 2;
  target.f32_fma = 59.11e9;
  target.bf16_dot = 118.2e9;
  target.int8_dot = 235.7e9;
  target.l1_read = 215.3e9;
  target.l2_read = 118e9;
  target.l3_read = 101e9;
  target.dram_read = 27.72e9;
  target.dram_read_all_cores = 29.96e9;
  target.barrier_seconds = 295e-9;
  target.measured = true;
  target.short_name = "amd-avx512bf16-2c";
  return target;
}

TEST(TargetText, ReadsLikeThis) {
  EXPECT_EQ(render_target(example()),
            "target    amd-avx512bf16-2c\n"
            "cores     2 allowed by affinity and cgroup\n"
            "caches    L1 32 KB, L2 1 MB, L3 32 MB\n"
            "features  avx2 fma f16c avx512f avx512bw avx512vl avx512dq avx512vnni avx512bf16\n"
            "          gfni amx-tile amx-bf16 amx-int8\n"
            "\n"
            "unit             GMAC/s, one core   read                       GB/s\n"
            "f32 FMA                      59.1   L1                          215\n"
            "bf16 dot                      118   L2                          118\n"
            "int8 dot                      236   L3                          101\n"
            "AMX bf16                        -   DRAM                       27.7\n"
            "AMX int8                        -   DRAM, 2 cores              30.0\n"
            "\n"
            "barrier of 2 cores: 295 ns\n");
}

TEST(TargetText, SaysWhenNothingWasMeasured) {
  Target target = example();
  EXPECT_EQ(render_target(target).find("not measured"), std::string::npos);
  target.measured = false;
  EXPECT_NE(render_target(target).find("not measured"), std::string::npos);
}

TEST(TargetText, FitsEightyColumnsAlsoOnOneCore) {
  for (const int cores : {1, 2, 1024}) {
    Target target = example();
    target.cores = cores;
    target.amx_int8 = 3500e9;
    std::istringstream lines(render_target(target));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 80U) << line;
      EXPECT_FALSE(line.ends_with(' ')) << line;
    }
  }
}

}  // namespace
}  // namespace nntune
