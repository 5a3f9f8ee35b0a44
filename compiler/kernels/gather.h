/// Embedding rows by token id, and the id of the largest logit.
#pragma once

#include "compiler/kernels/family.h"

namespace nntune::kernels {

/// ids: i32[m], table: [V, H] row-major or packed as a matmul's weights (tied embeddings are stored once) -> f32[m, H].
class Embed final : public Family {
 public:
  [[nodiscard]] std::string_view name() const override { return "embed"; }
  [[nodiscard]] std::string refuse(const schedule::Workload& workload, const Isa& isa) const override;
  [[nodiscard]] Work work(const schedule::Workload& workload, const Isa& isa) const override;
  [[nodiscard]] schedule::Space space(const schedule::Workload& workload, const Target& target) const override;
  [[nodiscard]] double estimate_seconds(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                        const Target& target) const override;
  [[nodiscard]] Expected<loopir::Function> build(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                                 const Isa& isa) const override;
};

/// logits: f32[m, V] -> i32[m], the lowest index among equals.
class Argmax final : public Family {
 public:
  [[nodiscard]] std::string_view name() const override { return "argmax"; }
  [[nodiscard]] std::string refuse(const schedule::Workload& workload, const Isa& isa) const override;
  [[nodiscard]] Work work(const schedule::Workload& workload, const Isa& isa) const override;
  [[nodiscard]] schedule::Space space(const schedule::Workload& workload, const Target& target) const override;
  [[nodiscard]] double estimate_seconds(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                        const Target& target) const override;
  [[nodiscard]] Expected<loopir::Function> build(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                                 const Isa& isa) const override;
};

}  // namespace nntune::kernels
