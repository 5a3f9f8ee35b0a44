/// The parts of attention over splits of the positions, merged.
#pragma once

#include "compiler/kernels/family.h"

namespace nntune::kernels {

/// One task a head: weights from the sums of exponentials, then the weighted mean of the parts, a few vectors of columns at a
/// time. Small beside the attention it follows; it pays with a barrier.
class AttentionMerge final : public Family {
 public:
  [[nodiscard]] std::string_view name() const override { return "attention_merge"; }
  [[nodiscard]] std::string refuse(const schedule::Workload& workload, const Isa& isa) const override;
  [[nodiscard]] Work work(const schedule::Workload& workload, const Isa& isa) const override;
  [[nodiscard]] schedule::Space space(const schedule::Workload& workload, const Target& target) const override;
  [[nodiscard]] double estimate_seconds(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                        const Target& target) const override;
  [[nodiscard]] Expected<loopir::Function> build(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                                 const Isa& isa) const override;
};

}  // namespace nntune::kernels
