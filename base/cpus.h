/// Which CPUs threads may be pinned to. allowed_cpus() itself is declared in base/target.h.
#pragma once

#include <functional>
#include <optional>
#include <vector>

namespace nntune {

/// The first CPUs of `affinity`, as many as the quota (rounded up) pays for, at least one.
[[nodiscard]] std::vector<int> cut_to_quota(std::vector<int> affinity, std::optional<double> quota);

/// Binds the calling thread to one CPU; false if the system refuses (it then runs where it may).
bool pin_current_thread(int cpu);

/// Runs body(0) ... body(threads - 1) at once, each in a new thread pinned to allowed_cpus()[index % size], and waits for
/// all. The calling thread is not pinned.
void run_pinned(int threads, const std::function<void(int)>& body);

}  // namespace nntune
