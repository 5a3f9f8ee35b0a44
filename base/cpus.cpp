#include "base/cpus.h"

#include "base/cgroup.h"
#include "base/target.h"

#include <sched.h>
#include <unistd.h>
#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>
#include <thread>

namespace nntune {
namespace {

struct CpuSetDeleter {
  void operator()(cpu_set_t* set) const { CPU_FREE(set); }
};

// The affinity of the calling thread; cpu_set_t alone ends at 1024 CPUs.
std::vector<int> affinity_of_caller() {
  std::vector<int> cpus;
  for (int capacity = 1024; capacity <= 1 << 18; capacity *= 2) {
    const std::unique_ptr<cpu_set_t, CpuSetDeleter> set(CPU_ALLOC(static_cast<std::size_t>(capacity)));
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(capacity));
    CPU_ZERO_S(bytes, set.get());
    if (sched_getaffinity(0, bytes, set.get()) != 0) {
      continue;  // EINVAL: the kernel has more CPUs than this set
    }
    for (int cpu = 0; cpu < capacity; ++cpu) {
      if (CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes, set.get())) {
        cpus.push_back(cpu);
      }
    }
    break;
  }
  if (cpus.empty()) {
    cpus.push_back(0);
  }
  return cpus;
}

}  // namespace

std::vector<int> cut_to_quota(std::vector<int> affinity, std::optional<double> quota) {
  if (quota) {
    // A quota such as 200000/100000 may come out as 2.0000001.
    const double cpus = std::max(1.0, std::ceil(*quota - 1e-6));
    if (cpus < static_cast<double>(affinity.size())) {
      affinity.resize(static_cast<std::size_t>(cpus));
    }
  }
  return affinity;
}

std::vector<int> allowed_cpus() {
  // Kept for the life of the process, so that a team that pins its calling thread does not shrink what the next one sees;
  // a forked child looks again.
  static std::mutex mutex;
  static std::vector<int> cpus;
  static pid_t asked_by = 0;
  const std::lock_guard lock(mutex);
  if (asked_by != getpid()) {
    cpus = cut_to_quota(affinity_of_caller(), cgroup_cpu_quota());
    asked_by = getpid();
  }
  return cpus;
}

bool pin_current_thread(int cpu) {
  const std::size_t capacity = static_cast<std::size_t>(std::max(cpu + 1, 1024));
  const std::unique_ptr<cpu_set_t, CpuSetDeleter> set(CPU_ALLOC(capacity));
  const std::size_t bytes = CPU_ALLOC_SIZE(capacity);
  CPU_ZERO_S(bytes, set.get());
  CPU_SET_S(static_cast<std::size_t>(cpu), bytes, set.get());
  return sched_setaffinity(0, bytes, set.get()) == 0;
}

void run_pinned(int threads, const std::function<void(int)>& body) {
  const std::vector<int> cpus = allowed_cpus();
  std::vector<std::jthread> team;
  team.reserve(static_cast<std::size_t>(threads));
  for (int i = 0; i < threads; ++i) {
    team.emplace_back([&, i] {
      pin_current_thread(cpus[static_cast<std::size_t>(i) % cpus.size()]);
      body(i);
    });
  }
}

}  // namespace nntune
