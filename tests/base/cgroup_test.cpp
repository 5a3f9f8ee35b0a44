#include "base/cgroup.h"

#include <gtest/gtest.h>

#include <fstream>

namespace nntune {
namespace {

namespace fs = std::filesystem;

// A small file system root as a container would see it.
class Cgroup : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) /
            ("nntune-cgroup-" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(root_);
    write("proc/meminfo", "MemTotal:       2097152 kB\nMemAvailable:   1048576 kB\n");
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void use_version_2(const std::string& group) {
    write("proc/self/mountinfo", "30 20 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
    write("proc/self/cgroup", "0::" + group + "\n");
    write("sys/fs/cgroup/cgroup.procs", "");
  }
  void use_version_1(const std::string& group) {
    write("proc/self/mountinfo",
          "30 20 0:26 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
          "31 20 0:27 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
          "32 20 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
    write("proc/self/cgroup", "3:cpu,cpuacct:" + group + "\n2:cpuset:/\n4:memory:" + group + "\n0::/\n");
    write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  }

  fs::path root_;
};

TEST_F(Cgroup, NoneMeansNoQuota) {
  EXPECT_EQ(cgroup_cpu_quota(root_), std::nullopt);
  EXPECT_EQ(available_memory_bytes(root_), std::int64_t{1} << 30);
}

TEST_F(Cgroup, Version2QuotaIsTheTightestOfAllParents) {
  use_version_2("/a/b");
  write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_cpu_quota(root_), std::nullopt);
  write("sys/fs/cgroup/a/cpu.max", "150000 100000\n");
  EXPECT_EQ(cgroup_cpu_quota(root_), 1.5);
  write("sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
  EXPECT_EQ(cgroup_cpu_quota(root_), 0.5);
}

TEST_F(Cgroup, Version1QuotaOfTheCpuController) {
  use_version_1("/docker/c");
  EXPECT_EQ(cgroup_cpu_quota(root_), std::nullopt);
  write("sys/fs/cgroup/cpu,cpuacct/docker/c/cpu.cfs_quota_us", "300000\n");
  write("sys/fs/cgroup/cpu,cpuacct/docker/c/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_cpu_quota(root_), 3.0);
}

// A container may see its host's path in /proc/self/cgroup and its own group as the root of the mount.
TEST_F(Cgroup, APathThatIsNotHereMeansTheRootOfTheMount) {
  use_version_1("/docker/on-the-host");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000\n");
  EXPECT_EQ(cgroup_cpu_quota(root_), 2.0);
}

TEST_F(Cgroup, MemoryIsCutToWhatTheGroupHasLeft) {
  use_version_2("/a");
  write("sys/fs/cgroup/a/memory.max", "max\n");
  write("sys/fs/cgroup/a/memory.current", "1000000\n");
  EXPECT_EQ(available_memory_bytes(root_), std::int64_t{1} << 30);
  write("sys/fs/cgroup/a/memory.max", "3000000\n");
  write("sys/fs/cgroup/a/memory.stat", "anon 5\ninactive_file 500\nactive_file 100\n");
  EXPECT_EQ(available_memory_bytes(root_), 2000600);
}

TEST_F(Cgroup, Version1MemoryWithoutALimitIsTheMachines) {
  use_version_1("/c");
  write("sys/fs/cgroup/memory/c/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/c/memory.usage_in_bytes", "4096\n");
  EXPECT_EQ(available_memory_bytes(root_), std::int64_t{1} << 30);
}

TEST_F(Cgroup, UsableMemoryIsTheTightestLimitWhateverIsInUse) {
  EXPECT_EQ(usable_memory_bytes(root_), std::int64_t{2} << 30);
  use_version_2("/a/b");
  write("sys/fs/cgroup/a/b/memory.max", "max\n");
  write("sys/fs/cgroup/a/memory.max", "5000000\n");
  write("sys/fs/cgroup/a/memory.current", "4000000\n");
  EXPECT_EQ(usable_memory_bytes(root_), 5'000'000);
  use_version_1("/c");
  write("sys/fs/cgroup/memory/c/memory.limit_in_bytes", "3000000\n");
  write("sys/fs/cgroup/memory/c/memory.usage_in_bytes", "1000000\n");
  EXPECT_EQ(usable_memory_bytes(root_), 3'000'000);
}

TEST(CgroupHere, AnswersAreSane) {
  EXPECT_GE(usable_memory_bytes(), available_memory_bytes() / 2);
  EXPECT_GT(cgroup_cpu_quota().value_or(1), 0);
  EXPECT_GT(available_memory_bytes(), 1 << 20);
}

}  // namespace
}  // namespace nntune
