/// Sizes of the data caches one core sees.
#pragma once

#include <cstdint>
#include <filesystem>

namespace nntune {

struct CacheSizes {
  std::int64_t l1d_bytes = 0;
  std::int64_t l2_bytes = 0;
  std::int64_t l3_bytes = 0;  ///< shared with other cores

  bool operator==(const CacheSizes&) const = default;
};

/// What the kernel says under `cpu_folder`/cache; 0 where it says nothing.
[[nodiscard]] CacheSizes caches_from_sysfs(const std::filesystem::path& cpu_folder);

/// What the CPU says itself (cpuid leaf 4, on AMD 0x8000001D); 0 where it says nothing.
[[nodiscard]] CacheSizes caches_from_cpuid();

/// Each level from the first of sysfs, cpuid and a usual size (32 KB, 1 MB) that knows it. Without a third level, L3 is L2:
/// the last-level cache.
[[nodiscard]] CacheSizes find_caches(int cpu);

}  // namespace nntune
