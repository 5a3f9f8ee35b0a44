/// Finds instruction sets by executing them: CPU names are masked in clouds and feature bits may promise what the operating
/// system does not keep, so each is tried once in a child process, which may die of it.
#pragma once

#include "base/target.h"

namespace nntune {

/// True if `body` returned true in a forked child; false if it returned false, died (of SIGILL or anything else) or hung
/// for 2 s. `body` must only call what is safe after fork in a process with threads.
[[nodiscard]] bool survives_in_child(bool (*body)());

/// Every feature of Isa tried, with the result of the instruction checked.
[[nodiscard]] Isa probe_isa();

}  // namespace nntune
