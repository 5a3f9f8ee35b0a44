/// What makes measurements comparable: the CPU as probed, never as named.
#pragma once

#include "base/error.h"
#include "base/hash.h"
#include "base/json_fwd.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nntune {

/// Instruction sets that were executed once without a fault, spelled as LLVM spells its target features.
struct Isa {
  bool avx2 = false;
  bool fma = false;
  bool f16c = false;
  bool avx512f = false;
  bool avx512bw = false;
  bool avx512vl = false;
  bool avx512dq = false;
  bool avx512vnni = false;
  bool avx512bf16 = false;
  bool avxvnni = false;
  bool gfni = false;
  bool amx_tile = false;  ///< with permission from the kernel
  bool amx_bf16 = false;
  bool amx_int8 = false;

  bool operator==(const Isa&) const = default;
  /// The features that are there, e.g. {"avx2", "fma", "avx512f", ...}, in a fixed order.
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] static Expected<Isa> from_names(const std::vector<std::string>& names);
  /// Only what `level` has: "avx2" (with FMA), "avx512" or "avx512-bf16" (with VNNI); "" changes nothing. Errors: usage (no
  /// such level), unsupported (a feature of it is missing here).
  [[nodiscard]] Expected<Isa> limited_to(std::string_view level) const;
  /// Width of the widest usable vector register in bytes: 64, 32 or 16.
  [[nodiscard]] int vector_bytes() const {
    return avx512f && avx512vl && avx512bw && avx512dq ? 64 : (avx2 && fma ? 32 : 16);
  }
  /// 32 with AVX-512, else 16.
  [[nodiscard]] int vector_registers() const { return vector_bytes() == 64 ? 32 : 16; }
};

/// What Isa::limited_to takes.
inline constexpr std::array<std::string_view, 3> kIsaLevels = {"avx2", "avx512", "avx512-bf16"};

struct Target {
  Isa isa;
  int cores = 1;  ///< CPUs this process may use: affinity and cgroup quota
  std::int64_t l1d_bytes = 32 << 10;
  std::int64_t l2_bytes = 1 << 20;
  std::int64_t l3_bytes = 32 << 20;
  /// Peaks of one core in multiply-adds a second, 0 where there is no such unit.
  double f32_fma = 0;
  double bf16_dot = 0;
  double int8_dot = 0;
  double amx_bf16 = 0;
  double amx_int8 = 0;
  /// Read bandwidth in bytes a second; drifts, so it is no part of the identity.
  double l1_read = 0;
  double l2_read = 0;
  double l3_read = 0;
  double dram_read = 0;            ///< one core
  double dram_read_all_cores = 0;  ///< all allowed cores together
  double barrier_seconds = 0;      ///< one barrier of all allowed cores
  bool measured = false;           ///< false: default peaks for the probed features
  /// What other processes took of this machine while it was measured (other_load.h): the peaks may be higher.
  double other_load_cores = 0;

  /// e.g. "amd-avx512bf16-2c"; for people only.
  std::string short_name;

  /// The same kind of machine: features, caches and cores equal, and peaks within 25 % where both are measured (default
  /// peaks follow from the features and tell nothing apart). Peaks that were measured beside others are lower bounds.
  [[nodiscard]] bool same_kind(const Target& other) const;
  /// Of two runs on one kind of machine the higher peaks and bandwidths and the shorter barrier: what others do only ever
  /// slows down. A measured one alone where the other is not.
  [[nodiscard]] Target best_with(const Target& other) const;
  /// With memory as fast as it was beside a measurement, read by as many threads; unchanged where that is not known (NaN, 0).
  [[nodiscard]] Target with_memory_at(double bytes_per_second) const;
  /// Others took so much of the machine while it was measured that users are told (kToldLoadCores).
  [[nodiscard]] bool was_busy() const;
  [[nodiscard]] Json to_json() const;
  [[nodiscard]] static Expected<Target> from_json(const Json& json);
};

/// Features, caches and cores with default peaks: runs each instruction set once in a child process, measures nothing. With
/// `isa_level` (Isa::limited_to) it is the target that this machine is for code of that level.
[[nodiscard]] Expected<Target> probe_target(std::string_view isa_level = "");

/// probe_target() and all peaks, bandwidths and the barrier measured; under 30 s.
[[nodiscard]] Expected<Target> measure_target(std::string_view isa_level = "");

/// CPUs the calling process may run on, in order, cut to the cgroup quota rounded up (at least one). As it was at the first
/// call in this process, so that threads pinned later do not shrink it.
[[nodiscard]] std::vector<int> allowed_cpus();

}  // namespace nntune
