/// Matmul and matrix-vector products with packed weights, prologue and epilogue.
#pragma once

#include "compiler/kernels/family.h"

namespace nntune::kernels {

/// x [m, K] times w [N, K] in panels of nr outputs: f32 or bf16 lanes <0:nr> through f32 FMA, bf16 pairs <0:nr,1:2> through
/// the bf16 dot. x is row-major or packed in tiles <0:mr> or <0:mr,1:2>; m = 1 is the matrix-vector product of decoding.
class Matmul final : public Family {
 public:
  [[nodiscard]] std::string_view name() const override { return "matmul"; }
  [[nodiscard]] std::string refuse(const schedule::Workload& workload, const Isa& isa) const override;
  [[nodiscard]] Work work(const schedule::Workload& workload, const Isa& isa) const override;
  [[nodiscard]] schedule::Space space(const schedule::Workload& workload, const Target& target) const override;
  [[nodiscard]] double estimate_seconds(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                        const Target& target) const override;
  [[nodiscard]] Expected<loopir::Function> build(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                                 const Isa& isa) const override;
};

}  // namespace nntune::kernels
