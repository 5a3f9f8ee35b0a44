/// The extracted choice: kernels in order, with the buffers between them and the weights in their stored layouts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "compiler/extract/cost_model.h"
#include "compiler/graph/graph.h"
#include "compiler/schedule/workload.h"

namespace nntune::extract {

/// A constant computed ahead of time: a small graph of weight, rowwise, slice, concat, interleave, pack nodes.
struct StoredWeight {
  std::string key;      ///< canonical text of the expression; equal keys are the same tensor
  graph::Graph recipe;  ///< one output; leaves are weights
  graph::TensorType type;
  bool per_layer = false;  ///< one such tensor for each layer (a leaf is named "layers.*.…")
};

enum class ValueKind { input, weight, buffer };

/// An operand of a step.
struct Value {
  ValueKind kind = ValueKind::buffer;
  std::string input;        ///< input: its name in the section ("x", "ids", "rope", "k_cache", "v_cache")
  std::size_t index = 0;    ///< weight: in Program::weights; buffer: in SectionProgram::buffers
  std::int64_t column = 0;  ///< first column of a view into a wider buffer
};

struct KernelStep {
  schedule::Workload workload;
  std::vector<Value> inputs;
  Value output;  ///< a buffer; for cache_append the cache input itself, written in place
  Cost cost;     ///< one call
};

struct SectionProgram {
  std::string name;  ///< "embed", "body", "head"
  std::int64_t repeat = 1;
  std::vector<graph::TensorType> buffers;  ///< with row padding left to the runtime
  std::vector<KernelStep> steps;           ///< in execution order
  std::vector<Value> outputs;              ///< as in graph::Section
};

struct PhaseProgram {
  std::string name;
  std::int64_t rows = 1;
  std::vector<SectionProgram> sections;
  /// Sum of step costs times repeats.
  [[nodiscard]] double seconds() const;
};

struct Program {
  std::vector<PhaseProgram> phases;
  std::vector<StoredWeight> weights;
};

}  // namespace nntune::extract
