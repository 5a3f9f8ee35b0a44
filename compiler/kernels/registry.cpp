#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "compiler/kernels/attention.h"
#include "compiler/kernels/family.h"
#include "compiler/kernels/gather.h"
#include "compiler/kernels/matmul.h"
#include "compiler/kernels/rowwise.h"

namespace nntune::kernels {
namespace {

/// All families; a new one is added here.
const std::array<const Family*, 6>& families() {
  static const Matmul matmul;
  static const Attention attention;
  static const Rowwise rowwise;
  static const CacheAppend cache_append;
  static const Embed embed;
  static const Argmax argmax;
  static const std::array<const Family*, 6> all = {&matmul, &attention, &rowwise, &cache_append, &embed, &argmax};
  return all;
}

/// Visits every combination of knob values in a fixed order.
void for_each_schedule(const schedule::Space& space, const std::function<void(const schedule::Schedule&)>& visit) {
  std::vector<std::size_t> position(space.knobs.size(), 0);
  for (const auto& knob : space.knobs) {
    if (knob.values.empty()) return;
  }
  for (;;) {
    schedule::Schedule schedule;
    for (std::size_t i = 0; i < position.size(); ++i) schedule.knobs[space.knobs[i].name] = space.knobs[i].values[position[i]];
    if (space.refuse(schedule).empty()) visit(schedule);
    std::size_t i = 0;
    while (i < position.size() && ++position[i] == space.knobs[i].values.size()) position[i++] = 0;
    if (i == position.size()) return;
  }
}

}  // namespace

Expected<const Family*> find_family(const schedule::Workload& workload) {
  for (const Family* family : families()) {
    if (family->name() == workload.family()) return family;
  }
  return fail(ErrorKind::unsupported, fmt::format("no kernel family for {}", workload.text()));
}

Expected<schedule::Schedule> default_schedule(const schedule::Workload& workload, const Target& target) {
  NNTUNE_ASSIGN(const Family* family, find_family(workload));
  if (const std::string why = family->refuse(workload, target.isa); !why.empty()) {
    return fail(ErrorKind::unsupported, fmt::format("no kernel for {}: {}", workload.text(), why));
  }
  const schedule::Space space = family->space(workload, target);
  schedule::Schedule best;
  double lowest = std::numeric_limits<double>::infinity();
  for_each_schedule(space, [&](const schedule::Schedule& schedule) {
    const double seconds = family->estimate_seconds(workload, schedule, target);
    // Strictly better only: the order of enumeration decides between equals, the same on every run.
    if (seconds < lowest) {
      lowest = seconds;
      best = schedule;
    }
  });
  if (best.knobs.empty()) return fail(ErrorKind::unsupported, fmt::format("no schedule fits {}", workload.text()));
  return best;
}

double roofline_seconds(const Work& work, const Target& target, int threads) {
  const double cores = std::max(1, std::min(threads, target.cores));
  const double f32 = work.f32_macs > 0 ? work.f32_macs / (target.f32_fma * cores) : 0;
  const double bf16 = work.bf16_macs > 0 ? work.bf16_macs / (target.bf16_dot * cores) : 0;
  const double bandwidth = cores > 1 ? target.dram_read_all_cores : target.dram_read;
  return std::max({f32 + bf16, work.weight_bytes / bandwidth, work.activation_bytes / (target.l2_read * cores)});
}

}  // namespace nntune::kernels
