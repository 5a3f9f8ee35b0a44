/// A model as graphs, of whatever family: what runs for one token, and for many at once.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "compiler/graph/graph.h"
#include "compiler/import/config.h"

namespace nntune::import {

enum class PhaseKind { decode, prefill };

/// The embedding, the body (once, repeated for each layer) and the head for `rows` tokens at once.
///
/// Matrices and states (0: keys, 1: values) have `weight_dtype` (f32 or bf16), vectors and activations f32. Body outputs are {x,
/// keys, values}, the states with the new rows; head outputs are {logits, argmax}. The head runs on one row in both phases.
[[nodiscard]] Expected<graph::Phase> build_phase(const ModelConfig& config, graph::DType weight_dtype, std::int64_t rows,
                                                 PhaseKind kind);

}  // namespace nntune::import
