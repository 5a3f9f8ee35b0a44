/// Kernels for people: short names of workloads, times and shares, 80 columns wide.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "compiler/extract/program.h"
#include "compiler/schedule/workload.h"

namespace nntune::cli {

/// e.g. "matmul rms|scale 1024->4096 bf16<0:32,1:2>".
[[nodiscard]] std::string short_name(const schedule::Workload& workload);

/// "12.3 us", "4.56 ms", "1.23 s": three digits.
[[nodiscard]] std::string format_seconds(double seconds);

/// Tokens in the KV cache in front of the one that a phase of one row decodes, as its kernels are costed; 0 of prefill.
[[nodiscard]] std::int64_t decode_context(const extract::PhaseProgram& phase);

/// One phase: a line with its time and tok/s, then a line for each kernel of the embedding, of one layer and of the head:
/// time of a call, share of the phase, percent of the roofline, measured or estimated.
/// \param roofline_shares  of the kernels in order, nothing where it is not known
[[nodiscard]] std::string render_phase(const extract::PhaseProgram& phase,
                                       std::span<const std::optional<double>> roofline_shares);

}  // namespace nntune::cli
