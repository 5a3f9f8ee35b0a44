/// The request that programs are chosen for and measured with, and how often each phase runs in it.
#pragma once

#include <cstdint>
#include <span>

#include "compiler/graph/graph.h"

namespace nntune::extract {

inline constexpr std::int64_t kPromptTokens = 512;
inline constexpr std::int64_t kAnswerTokens = 128;

/// How much a phase counts.
struct PhaseUse {
  double calls = 1;       ///< in the objective
  std::int64_t past = 0;  ///< tokens in the KV cache when its kernels are costed
};

/// One row: kAnswerTokens calls behind the prompt. More rows: as many calls as kPromptTokens take, shared evenly between such
/// phases, nothing past.
[[nodiscard]] PhaseUse usual_use(const graph::Phase& phase, std::span<const graph::Phase> phases);

}  // namespace nntune::extract
