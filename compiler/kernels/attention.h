/// Causal attention over a KV cache, for prefill and decode.
#pragma once

#include "compiler/kernels/family.h"

namespace nntune::kernels {

/// Online softmax over blocks of the cache (Dao et al., FlashAttention, arXiv 2205.14135): no scratch grows with the length;
/// blocks behind the diagonal are skipped. The query heads that share a key-value head are rows of one task, so the cache is
/// read once for them. Layouts: keys row-major, <1:16> (f32 FMA over 16 positions) or <1:16,2:2> (bf16 dot); values row-major
/// or <1:2> (bf16 dot, with the probabilities rounded to bf16). With splits (one row) a task is a key-value head and a split of
/// the positions, so that a long cache of few heads keeps all threads busy (Dao et al., Flash-Decoding, 2023).
class Attention final : public Family {
 public:
  [[nodiscard]] std::string_view name() const override { return "attention"; }
  [[nodiscard]] std::string refuse(const schedule::Workload& workload, const Isa& isa) const override;
  [[nodiscard]] Work work(const schedule::Workload& workload, const Isa& isa) const override;
  [[nodiscard]] schedule::Space space(const schedule::Workload& workload, const Target& target) const override;
  [[nodiscard]] double estimate_seconds(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                        const Target& target) const override;
  [[nodiscard]] Expected<loopir::Function> build(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                                 const Isa& isa) const override;
};

}  // namespace nntune::kernels
