/// The control groups this process lives in, versions 1 and 2, as containers set them up.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace nntune {

/// Folders of the groups that limit this process for `controller` ("cpu", "memory"): its own first, then each parent.
/// Version 1 where the controller is mounted so, else version 2; empty without cgroups. `root` replaces "/" in tests.
[[nodiscard]] std::vector<std::filesystem::path> cgroup_folders(std::string_view controller,
                                                                const std::filesystem::path& root = "/");

/// CPUs' worth of time this process may use, e.g. 1.5; the tightest of its groups. Nothing if there is no quota.
[[nodiscard]] std::optional<double> cgroup_cpu_quota(const std::filesystem::path& root = "/");

/// Memory this process may still take: what the machine has available, cut to what its groups have left.
[[nodiscard]] std::int64_t available_memory_bytes(const std::filesystem::path& root = "/");

/// Memory this process may ever have: all of the machine's, cut to the limits of its groups. Whatever runs beside, it is the
/// same.
[[nodiscard]] std::int64_t usable_memory_bytes(const std::filesystem::path& root = "/");

}  // namespace nntune
