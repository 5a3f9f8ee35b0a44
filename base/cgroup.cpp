#include "base/cgroup.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace nntune {
namespace {

namespace fs = std::filesystem;

bool list_contains(const std::string& list, std::string_view word) {
  std::istringstream words(list);
  for (std::string item; std::getline(words, item, ',');) {
    if (item == word) {
      return true;
    }
  }
  return false;
}

struct Mounts {
  std::string v1;  // where the controller is mounted by itself
  std::string v2;
};

// /proc/self/mountinfo: "id parent dev root mount-point options [tags]... - type source super-options".
Mounts find_mounts(std::string_view controller, const fs::path& root) {
  Mounts mounts;
  std::ifstream file(root / "proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) {
      continue;
    }
    std::istringstream left(line.substr(0, dash));
    std::istringstream right(line.substr(dash + 3));
    std::string skipped;
    std::string point;
    std::string type;
    std::string options;
    left >> skipped >> skipped >> skipped >> skipped >> point;
    right >> type >> skipped >> options;
    if (type == "cgroup2") {
      mounts.v2 = point;
    } else if (type == "cgroup" && list_contains(options, controller)) {
      mounts.v1 = point;
    }
  }
  return mounts;
}

// /proc/self/cgroup: "4:memory:/path" in version 1, "0::/path" in version 2.
std::string find_group(std::string_view controller, const fs::path& root) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? controllers.empty() : list_contains(controllers, controller)) {
      return line.substr(second + 1);
    }
  }
  return {};
}

std::optional<double> read_number(const fs::path& path) {
  std::ifstream file(path);
  double value = 0;
  if (file >> value) {
    return value;
  }
  return std::nullopt;  // no such file, or "max"
}

std::optional<double> quota_of(const fs::path& folder) {
  if (std::ifstream file(folder / "cpu.max"); file) {  // version 2: "150000 100000" or "max 100000"
    double quota_us = 0;
    double period_us = 0;
    if (file >> quota_us >> period_us && quota_us > 0 && period_us > 0) {
      return quota_us / period_us;
    }
    return std::nullopt;
  }
  const auto quota_us = read_number(folder / "cpu.cfs_quota_us");  // version 1: -1 means none
  const auto period_us = read_number(folder / "cpu.cfs_period_us");
  if (quota_us && period_us && *quota_us > 0 && *period_us > 0) {
    return *quota_us / *period_us;
  }
  return std::nullopt;
}

std::optional<double> memory_limit_of(const fs::path& folder) {
  const auto limit = read_number(folder / "memory.max");
  return limit ? limit : read_number(folder / "memory.limit_in_bytes");
}

std::optional<double> memory_left_in(const fs::path& folder) {
  const auto limit = memory_limit_of(folder);
  auto usage = read_number(folder / "memory.current");
  if (!usage) usage = read_number(folder / "memory.usage_in_bytes");
  if (!limit || !usage) {
    return std::nullopt;
  }
  // File pages count as used but give way.
  double reclaimable = 0;
  std::ifstream stat(folder / "memory.stat");
  std::string key;
  for (double value = 0; stat >> key >> value;) {
    if (key == "inactive_file" || key == "active_file") {
      reclaimable += value;
    }
  }
  return std::max(0.0, *limit - *usage + reclaimable);
}

/// A line of /proc/meminfo.
std::int64_t machine_bytes(std::string_view what, const fs::path& root) {
  std::ifstream file(root / "proc/meminfo");
  std::string key;
  std::int64_t kib = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    if (words >> key >> kib && key == what) {
      return kib << 10;
    }
  }
  return std::int64_t{1} << 30;  // no /proc: assume little
}

/// What the machine has by that line, cut to what each of this process' groups has.
std::int64_t least(std::string_view of_machine, std::optional<double> (*of_group)(const fs::path&), const fs::path& root) {
  std::int64_t bytes = machine_bytes(of_machine, root);
  for (const fs::path& folder : cgroup_folders("memory", root)) {
    if (const auto group = of_group(folder); group && *group < static_cast<double>(bytes)) {
      bytes = static_cast<std::int64_t>(*group);
    }
  }
  return bytes;
}

}  // namespace

std::vector<fs::path> cgroup_folders(std::string_view controller, const fs::path& root) {
  const Mounts mounts = find_mounts(controller, root);
  const std::string& mount = mounts.v1.empty() ? mounts.v2 : mounts.v1;
  if (mount.empty()) {
    return {};
  }
  const fs::path top = root / fs::path(mount).relative_path();
  fs::path group = fs::path(find_group(mounts.v1.empty() ? "" : controller, root)).relative_path();
  std::vector<fs::path> folders;
  std::error_code error;
  // In a container the path may be the host's, which does not exist here; then its root is the container's own group.
  for (; !group.empty(); group = group.parent_path()) {
    if (fs::is_directory(top / group, error)) {
      folders.push_back(top / group);
    }
  }
  folders.push_back(top);
  return folders;
}

std::optional<double> cgroup_cpu_quota(const fs::path& root) {
  std::optional<double> tightest;
  for (const fs::path& folder : cgroup_folders("cpu", root)) {
    if (const auto quota = quota_of(folder)) {
      tightest = std::min(*quota, tightest.value_or(*quota));
    }
  }
  return tightest;
}

std::int64_t available_memory_bytes(const fs::path& root) { return least("MemAvailable:", memory_left_in, root); }

std::int64_t usable_memory_bytes(const fs::path& root) { return least("MemTotal:", memory_limit_of, root); }

}  // namespace nntune
