/// Kernels for people: names of workloads, times and shares, 80 columns wide.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "compiler/extract/program.h"

namespace nntune::cli {

/// Tokens in the KV cache in front of the one that a phase of one row decodes, as its kernels are costed; 0 of prefill.
[[nodiscard]] std::int64_t decode_context(const extract::PhaseProgram& phase);

/// One phase: a line with its time and tok/s, then a line for each kernel of the embedding, of one layer and of the head:
/// time of a call, share of the phase, percent of the roofline, measured or estimated.
/// \param roofline_shares  of the kernels in order, nothing where it is not known
[[nodiscard]] std::string render_phase(const extract::PhaseProgram& phase,
                                       std::span<const std::optional<double>> roofline_shares);

}  // namespace nntune::cli
