#include "base/caches.h"

#include <fmt/format.h>

#include <cpuid.h>
#include <fstream>
#include <string>

namespace nntune {
namespace {

namespace fs = std::filesystem;

std::int64_t* level_of(CacheSizes& sizes, int level) {
  switch (level) {
    case 1: return &sizes.l1d_bytes;
    case 2: return &sizes.l2_bytes;
    case 3: return &sizes.l3_bytes;
    default: return nullptr;
  }
}

// "32K", "1024K", "480M"; 0 if it is anything else.
std::int64_t parse_size(const std::string& text) {
  std::int64_t value = 0;
  std::size_t at = 0;
  for (; at < text.size() && at < 12 && text[at] >= '0' && text[at] <= '9'; ++at) {
    value = value * 10 + (text[at] - '0');
  }
  const char unit = at < text.size() ? text[at] : '\0';
  return unit == 'K' ? value << 10 : unit == 'M' ? value << 20 : unit == 'G' ? value << 30 : value;
}

template <class T>
T read_word(const fs::path& path) {
  T word{};
  std::ifstream(path) >> word;
  return word;
}

}  // namespace

CacheSizes caches_from_sysfs(const fs::path& cpu_folder) {
  CacheSizes sizes;
  for (int index = 0; index < 16; ++index) {
    const fs::path folder = cpu_folder / "cache" / fmt::format("index{}", index);
    const auto type = read_word<std::string>(folder / "type");
    std::int64_t* size = level_of(sizes, read_word<int>(folder / "level"));
    if (size != nullptr && (type == "Data" || type == "Unified")) {
      *size = parse_size(read_word<std::string>(folder / "size"));
    }
  }
  return sizes;
}

CacheSizes caches_from_cpuid() {
  CacheSizes sizes;
  // Both leaves have the same fields; only AMD has the second, and the first is empty there.
  for (const unsigned leaf : {0x4U, 0x8000001DU}) {
    for (unsigned index = 0; index < 16; ++index) {
      unsigned eax = 0;
      unsigned ebx = 0;
      unsigned ecx = 0;
      unsigned edx = 0;
      const unsigned type = __get_cpuid_count(leaf, index, &eax, &ebx, &ecx, &edx) != 0 ? eax & 0x1f : 0;
      if (type == 0) {
        break;
      }
      std::int64_t* size = level_of(sizes, static_cast<int>(eax >> 5 & 7));
      if (size != nullptr && type != 2) {  // 1 data, 2 instruction, 3 unified
        const std::int64_t ways = (ebx >> 22) + 1;
        const std::int64_t partitions = (ebx >> 12 & 0x3ff) + 1;
        const std::int64_t line_bytes = (ebx & 0xfff) + 1;
        *size = ways * partitions * line_bytes * (static_cast<std::int64_t>(ecx) + 1);
      }
    }
  }
  return sizes;
}

CacheSizes find_caches(int cpu) {
  CacheSizes sizes = caches_from_sysfs(fmt::format("/sys/devices/system/cpu/cpu{}", cpu));
  const CacheSizes own = caches_from_cpuid();
  const auto first_known = [](std::int64_t a, std::int64_t b, std::int64_t c) { return a > 0 ? a : b > 0 ? b : c; };
  sizes.l1d_bytes = first_known(sizes.l1d_bytes, own.l1d_bytes, 32 << 10);
  sizes.l2_bytes = first_known(sizes.l2_bytes, own.l2_bytes, 1 << 20);
  sizes.l3_bytes = first_known(sizes.l3_bytes, own.l3_bytes, sizes.l2_bytes);
  return sizes;
}

}  // namespace nntune
