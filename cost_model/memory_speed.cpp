#include "cost_model/memory_speed.h"

#include <vector>

#include "base/statistics.h"
#include "compiler/kernels/family.h"

namespace nntune::cost_model {

MemorySpeeds::MemorySpeeds(std::span<const db::ProgramTiming> timings, const Target& target) : target_(target) {
  std::map<int, std::vector<double>> speeds;
  for (const db::ProgramTiming& timing : timings) {
    if (!(timing.dram_read_bytes_per_s > 0)) continue;
    if (const auto workload = schedule::Workload::parse(timing.workload)) {
      speeds[workload->threads].push_back(timing.dram_read_bytes_per_s);
    }
  }
  for (auto& [threads, values] : speeds) usual_[threads] = median(std::move(values));
}

double MemorySpeeds::usual(int threads) const {
  const auto found = usual_.find(threads);
  return found == usual_.end() ? 0 : found->second;
}

double MemorySpeeds::to_usual(const schedule::Workload& workload, double read_bytes_per_s) const {
  const double now = usual(workload.threads);
  if (!(now > 0) || !(read_bytes_per_s > 0)) return 1;
  const double ratio = read_bytes_per_s / now;
  if (ratio < kNoise) return 1;
  const auto family = kernels::find_family(workload);
  if (!family) return 1;
  const bool waits = kernels::waits_for_memory((*family)->work(workload, target_.isa), target_, workload.threads);
  return waits ? ratio : 1;
}

}  // namespace nntune::cost_model
