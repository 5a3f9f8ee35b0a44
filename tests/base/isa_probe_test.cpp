#include "base/isa_probe.h"

#include "base/amx.h"

#include <gtest/gtest.h>

#include <cpuid.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>

namespace nntune {
namespace {

TEST(IsaProbe, AnIllegalInstructionKillsOnlyTheChild) {
  EXPECT_FALSE(survives_in_child([] {
    asm volatile("ud2");
    return true;
  }));
  EXPECT_TRUE(survives_in_child([] { return true; }));
}

TEST(IsaProbe, AWrongResultOrAnyOtherDeathMeansNotThere) {
  EXPECT_FALSE(survives_in_child([] { return false; }));
  EXPECT_FALSE(survives_in_child([] { return raise(SIGSEGV) == 0; }));
  EXPECT_FALSE(survives_in_child([] { return raise(SIGKILL) == 0; }));
  EXPECT_FALSE(survives_in_child([]() -> bool { _exit(0); }));
}

TEST(IsaProbe, AHangingChildIsEnded) {
  EXPECT_FALSE(survives_in_child([] {
    for (;;) {
      pause();
    }
    return true;
  }));
}

TEST(IsaProbe, WorksWhereChildrenAreReapedBySomeoneElse) {
  const auto previous = std::signal(SIGCHLD, SIG_IGN);
  const bool survived = survives_in_child([] { return true; });
  const bool died = !survives_in_child([] {
    asm volatile("ud2");
    return true;
  });
  std::signal(SIGCHLD, previous);
  EXPECT_TRUE(survived);
  EXPECT_TRUE(died);
}

// Masked bits may hide what runs, so probing may find more; what cpuid and the kernel do offer must run.
TEST(IsaProbe, FindsWhatCpuidPromises) {
  if (std::getenv("NNTUNE_TEST_ISA") != nullptr) GTEST_SKIP() << "this process is to see less than there is";
  const Isa isa = probe_isa();
  __builtin_cpu_init();
  EXPECT_GE(isa.avx2, __builtin_cpu_supports("avx2") != 0);
  EXPECT_GE(isa.fma, __builtin_cpu_supports("fma") != 0);
  EXPECT_GE(isa.avx512f, __builtin_cpu_supports("avx512f") != 0);
  EXPECT_GE(isa.avx512bw, __builtin_cpu_supports("avx512bw") != 0);
  EXPECT_GE(isa.avx512vl, __builtin_cpu_supports("avx512vl") != 0);
  EXPECT_GE(isa.avx512dq, __builtin_cpu_supports("avx512dq") != 0);
  EXPECT_GE(isa.avx512vnni, __builtin_cpu_supports("avx512vnni") != 0);
  EXPECT_GE(isa.avx512bf16, __builtin_cpu_supports("avx512bf16") != 0);
  EXPECT_GE(isa.gfni, __builtin_cpu_supports("gfni") != 0);
  EXPECT_EQ(isa, probe_isa());  // twice the same
}

TEST(IsaProbe, TilesNeedTheKernelsPermission) {
  const Isa isa = probe_isa();
  EXPECT_LE(isa.amx_tile, allow_amx());
  EXPECT_LE(isa.amx_int8 || isa.amx_bf16, isa.amx_tile);
}

}  // namespace
}  // namespace nntune
