/// The data a workload is checked and timed on: seeded random operands in the layouts the kernels read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/error.h"
#include "compiler/reference/tensor.h"
#include "compiler/runtime/kernel_abi.h"
#include "compiler/schedule/workload.h"
#include "tuner/memory.h"

namespace nntune::tuner {

/// Rows of a call: tokens at once.
[[nodiscard]] std::int64_t rows_of(const schedule::Workload& workload);

/// The axis of the output's rows: of a state that of the tokens, else the first.
[[nodiscard]] std::size_t row_axis(const schedule::Workload& workload);

/// Seed of the random operands: the workload's own, so that every run and every machine sees the same data.
[[nodiscard]] std::uint64_t seed_of(const schedule::Workload& workload);

/// Operands that a running model reads from DRAM, never twice in a token: weights and KV caches. Timing goes through
/// copies of them in turn.
[[nodiscard]] std::vector<std::size_t> cold_operands(const schedule::Workload& workload);

/// The input types with every run-time dimension set: caches and position tables just long enough for past + rows.
[[nodiscard]] std::vector<graph::TensorType> concrete_inputs(const schedule::Workload& workload);

/// Random logical values of each input.
[[nodiscard]] std::vector<reference::HostTensor<float>> random_inputs(const schedule::Workload& workload);

/// The reference's output, computed once by whichever process comes first and kept in `shared_folder`.
[[nodiscard]] Expected<reference::HostTensor<float>> reference_output(const schedule::Workload& workload,
                                                                      const std::filesystem::path& shared_folder);

/// The operands of one workload in memory.
class Operands {
 public:
  [[nodiscard]] static Expected<Operands> create(const schedule::Workload& workload);

  /// Fills the output with NaN (whole numbers: -1) before a check; a state that is written in place gets its original content, which
  /// is NaN behind the past.
  void reset_output();
  /// The first `rows` rows of the output, of a state all positions, as logical values.
  [[nodiscard]] reference::HostTensor<float> read_output(std::int64_t rows) const;

  /// Makes copies of the cold operands that together exceed `bytes`, as far as `limit_bytes` allows; once.
  [[nodiscard]] Status add_cold_copies(std::int64_t bytes, std::int64_t limit_bytes);
  [[nodiscard]] std::span<const std::byte> cold_copies() const { return {cold_copies_.data(), cold_copies_.size()}; }
  [[nodiscard]] std::size_t copies() const { return calls_.size(); }
  /// Operands of a call: inputs, then the output; `copy` < copies().
  [[nodiscard]] std::span<const runtime::KernelOperand> call(std::size_t copy) const { return calls_[copy]; }

  [[nodiscard]] const schedule::Workload& workload() const { return workload_; }
  [[nodiscard]] std::int64_t bytes() const;

 private:
  schedule::Workload workload_;
  graph::TensorType output_type_;  ///< concrete
  bool in_place_ = false;          ///< the output is the last input (cache_append)
  std::vector<Pages> inputs_;
  std::vector<std::size_t> input_bytes_;
  Pages output_;
  std::vector<std::byte> original_cache_;  ///< in_place_ only
  Pages cold_copies_;
  std::vector<std::vector<runtime::KernelOperand>> calls_;
};

}  // namespace nntune::tuner
