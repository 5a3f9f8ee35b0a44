/// A layer of each family of models as it is imported, small enough that every node of its e-graph can be evaluated.
#pragma once

#include "compiler/import/family.h"
#include "compiler/import/phases.h"

namespace nntune::testing_models {

inline import::ModelConfig tiny_config(const import::ModelFamily& family) {
  return {.family = &family,
          .hidden = 32,
          .layers = 2,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 16,
          .intermediate = 64,
          .vocab = 96,
          .max_positions = 128,
          .rope = import::plain_rope(1e4, 16)};
}

/// The body alone, for `rows` tokens.
inline graph::Phase layer_phase(const import::ModelFamily& family, graph::DType dtype, std::int64_t rows) {
  const auto kind = rows == 1 ? import::PhaseKind::decode : import::PhaseKind::prefill;
  graph::Phase phase = import::build_phase(tiny_config(family), dtype, rows, kind).value();
  return {"phase", rows, {std::move(phase.sections[1])}};
}

}  // namespace nntune::testing_models
