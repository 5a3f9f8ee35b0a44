/// How much memory there is to use.
#pragma once

#include <cstdint>

namespace nntune::tuner {

/// MemAvailable of /proc/meminfo, at most the limit of the cgroup; 4 GB if neither can be read.
[[nodiscard]] std::int64_t available_memory_bytes();

}  // namespace nntune::tuner
