#include "tuner/system_memory.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>

namespace nntune::tuner {
namespace {

std::optional<std::int64_t> read_number(const char* path) {
  std::ifstream file(path);
  std::int64_t value = 0;
  if (file >> value) return value;  // "max" is no number: no limit
  return std::nullopt;
}

}  // namespace

std::int64_t available_memory_bytes() {
  std::int64_t available = std::int64_t{4} << 30;
  std::ifstream file("/proc/meminfo");
  std::string key;
  std::int64_t kilobytes = 0;
  std::string rest;
  while (file >> key >> kilobytes) {
    if (key == "MemAvailable:") {
      available = kilobytes << 10;
      break;
    }
    std::getline(file, rest);
  }
  // In a container the root of the mounted hierarchy is its own group.
  if (const auto limit = read_number("/sys/fs/cgroup/memory.max")) available = std::min(available, *limit);
  return available;
}

}  // namespace nntune::tuner
