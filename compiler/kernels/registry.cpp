#include "compiler/kernels/registry.h"

#include "compiler/schedule/enumerate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <random>
#include <span>

namespace nntune::kernels {
namespace {

std::span<const Family* const> families() {
  static const std::array all = {&matmul_family(),       &attention_family(), &attention_merge_family(), &rowwise_family(),
                                 &cache_append_family(), &embed_family(),     &argmax_family()};
  return all;
}

/// Spaces up to this size are searched whole.
constexpr double kSmallSpace = 2000;
/// Descents from different places in a larger space.
constexpr int kStarts = 4;

using Seconds = std::function<double(const schedule::Schedule&)>;

struct Best {
  schedule::Schedule schedule;
  double seconds = std::numeric_limits<double>::infinity();

  /// Strictly better only: the order of visits decides between equals, the same on every run.
  bool offer(const schedule::Schedule& candidate, double candidate_seconds) {
    if (!(candidate_seconds < seconds)) return false;
    schedule = candidate;
    seconds = candidate_seconds;
    return true;
  }
};

Best search_whole(const schedule::Space& space, const Seconds& seconds) {
  Best best;
  schedule::for_each_schedule(space, [&](const schedule::Schedule& each) { best.offer(each, seconds(each)); });
  return best;
}

/// Moves two knobs at a time (they are coupled by registers and blocks) until no pair of values is better.
Best descend(const schedule::Space& space, const Seconds& seconds, const schedule::Schedule& start) {
  Best best;
  best.offer(start, seconds(start));
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t a = 0; a < space.knobs.size(); ++a) {
      for (std::size_t b = a + 1; b < space.knobs.size(); ++b) {
        schedule::Schedule candidate = best.schedule;
        for (const std::int64_t va : space.knobs[a].values) {
          for (const std::int64_t vb : space.knobs[b].values) {
            candidate.knobs[space.knobs[a].name] = va;
            candidate.knobs[space.knobs[b].name] = vb;
            if (space.refuse(candidate).empty() && best.offer(candidate, seconds(candidate))) moved = true;
          }
        }
      }
    }
  }
  return best;
}

}  // namespace

Expected<const Family*> find_family(const schedule::Workload& workload) {
  const std::string name = workload.family();
  for (const Family* family : families()) {
    if (family->name == name) return family;
  }
  return fail(ErrorKind::unsupported, fmt::format("no kernel does {}", workload.text()));
}

Expected<schedule::Schedule> default_schedule(const schedule::Workload& workload, const Target& target) {
  NNTUNE_ASSIGN(const Family* family, find_family(workload));
  if (const std::string why = family->refuse(workload, target.isa); !why.empty()) {
    return fail(ErrorKind::unsupported, fmt::format("no kernel for {}: {}", workload.text(), why));
  }
  const schedule::Space space = family->space(workload, target);
  const Seconds seconds = [&](const schedule::Schedule& schedule) {
    return family->estimate_seconds(workload, schedule, target);
  };
  Best best;
  if (space.size() <= kSmallSpace) {
    best = search_whole(space, seconds);
  } else {
    std::mt19937_64 rng(1);
    for (int i = 0; i < kStarts; ++i) {
      const auto start = space.random(rng);
      if (!start) break;
      const Best found = descend(space, seconds, *start);
      best.offer(found.schedule, found.seconds);
    }
  }
  if (best.schedule.knobs.empty()) return fail(ErrorKind::unsupported, fmt::format("no schedule fits {}", workload.text()));
  return best.schedule;
}

Roofline roofline(const Work& work, const Target& target, int threads) {
  const double cores = std::max(1, std::min(threads, target.cores));
  const auto bound = [](std::string_view unit, double amount, double peak) {
    return Roofline{amount > 0 ? amount / peak : 0, unit, amount, peak};
  };
  const Roofline f32 = bound("f32 FMA", work.f32_macs, target.f32_fma * cores);
  const Roofline bf16 = bound("bf16 dot", work.bf16_macs, target.bf16_dot * cores);
  Roofline arithmetic = f32.seconds > bf16.seconds ? f32 : bf16;
  arithmetic.seconds = f32.seconds + bf16.seconds;  // the cores take turns between the units
  const double bandwidth = cores > 1 ? target.dram_read_all_cores : target.dram_read;
  return std::max(
      {arithmetic, bound("DRAM", work.weight_bytes, bandwidth), bound("L2", work.activation_bytes, target.l2_read * cores)},
      [](const Roofline& a, const Roofline& b) { return a.seconds < b.seconds; });
}

double roofline_seconds(const Work& work, const Target& target, int threads) {
  return roofline(work, target, threads).seconds;
}

bool waits_for_memory(const Work& work, const Target& target, int threads) {
  Work cached = work;
  cached.weight_bytes = 0;
  return roofline_seconds(cached, target, threads) < roofline_seconds(work, target, threads) / 2;
}

}  // namespace nntune::kernels
