/// What people call a workload.
#pragma once

#include <string>

#include "compiler/schedule/workload.h"

namespace nntune::schedule {

/// Family, size, chains and layout, e.g. "matmul 1024->4096 rms(1e-06,0)|scale ; add bf16<0:32,1:2>"; without the rows, which stand
/// beside it. Two workloads of a program seldom share it.
[[nodiscard]] std::string short_name(const Workload& workload);

}  // namespace nntune::schedule
