#include "base/caches.h"

#include <gtest/gtest.h>

#include <fstream>

namespace nntune {
namespace {

namespace fs = std::filesystem;

TEST(Caches, ReadFromSysfsWithoutTheInstructionCache) {
  const fs::path cpu = fs::path(::testing::TempDir()) / "nntune-caches";
  const auto level = [&](const char* index, const char* number, const char* type, const char* size) {
    fs::create_directories(cpu / "cache" / index);
    std::ofstream(cpu / "cache" / index / "level") << number << "\n";
    std::ofstream(cpu / "cache" / index / "type") << type << "\n";
    std::ofstream(cpu / "cache" / index / "size") << size << "\n";
  };
  level("index0", "1", "Data", "48K");
  level("index1", "1", "Instruction", "64K");
  level("index2", "2", "Unified", "2048K");
  EXPECT_EQ(caches_from_sysfs(cpu), (CacheSizes{48 << 10, 2 << 20, 0}));
  level("index3", "3", "Unified", "480M");
  EXPECT_EQ(caches_from_sysfs(cpu), (CacheSizes{48 << 10, 2 << 20, 480 << 20}));
  level("index3", "3", "Unified", "much");
  EXPECT_EQ(caches_from_sysfs(cpu).l3_bytes, 0);
  fs::remove_all(cpu);
}

TEST(Caches, MissingSysfsSaysNothing) { EXPECT_EQ(caches_from_sysfs("/nonexistent"), CacheSizes{}); }

TEST(Caches, CpuidAgreesWithSysfsWhereBothSpeak) {
  const CacheSizes kernel = caches_from_sysfs("/sys/devices/system/cpu/cpu0");
  const CacheSizes own = caches_from_cpuid();
  if (kernel.l1d_bytes == 0 || own.l1d_bytes == 0) {
    GTEST_SKIP() << "only one of them speaks here";
  }
  EXPECT_EQ(own, kernel);
}

TEST(Caches, EveryLevelHasASize) {
  const CacheSizes sizes = find_caches(1 << 20);  // a CPU sysfs does not know
  EXPECT_GE(sizes.l1d_bytes, 8 << 10);
  EXPECT_GE(sizes.l2_bytes, sizes.l1d_bytes);
  EXPECT_GE(sizes.l3_bytes, sizes.l2_bytes);
}

}  // namespace
}  // namespace nntune
