/// Row-wise work on its own, and written into a KV cache.
#pragma once

#include "compiler/kernels/family.h"

namespace nntune::kernels {

/// A chain of steps on each row: RMSNorm, RoPE, SiLU·mul, add, softmax, casts and packing.
class Rowwise final : public Family {
 public:
  [[nodiscard]] std::string_view name() const override { return "rowwise"; }
  [[nodiscard]] std::string refuse(const schedule::Workload& workload, const Isa& isa) const override;
  [[nodiscard]] Work work(const schedule::Workload& workload, const Isa& isa) const override;
  [[nodiscard]] schedule::Space space(const schedule::Workload& workload, const Target& target) const override;
  [[nodiscard]] double estimate_seconds(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                        const Target& target) const override;
  [[nodiscard]] Expected<loopir::Function> build(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                                 const Isa& isa) const override;
};

/// The same chains with the result written to rows past..past+m of a KV cache.
class CacheAppend final : public Family {
 public:
  [[nodiscard]] std::string_view name() const override { return "cache_append"; }
  [[nodiscard]] std::string refuse(const schedule::Workload& workload, const Isa& isa) const override;
  [[nodiscard]] Work work(const schedule::Workload& workload, const Isa& isa) const override;
  [[nodiscard]] schedule::Space space(const schedule::Workload& workload, const Target& target) const override;
  [[nodiscard]] double estimate_seconds(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                        const Target& target) const override;
  [[nodiscard]] Expected<loopir::Function> build(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                                 const Isa& isa) const override;
};

}  // namespace nntune::kernels
