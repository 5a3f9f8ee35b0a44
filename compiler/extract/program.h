/// The extracted choice: kernels in order, with the buffers between them and the weights in their stored layouts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/extract/cost_model.h"
#include "compiler/extract/layers.h"
#include "compiler/graph/graph.h"
#include "compiler/schedule/workload.h"

namespace nntune::extract {

/// A constant computed ahead of time: a small graph of weight, rowwise, slice, concat, interleave, pack nodes.
struct StoredWeight {
  std::string key;      ///< canonical text of the expression; equal keys are the same tensor
  graph::Graph recipe;  ///< one output; leaves are weights
  graph::TensorType type;
  Layers layers = {};  ///< that have one such tensor each; none: there is one for all
};

/// What a sequence keeps between steps.
struct StoredState {
  graph::TensorType type;  ///< of one layer, with its tokens as run-time dimension
  Layers layers;           ///< that have one
};

enum class ValueKind { input, state, weight, buffer };

/// An operand of a step.
struct Value {
  ValueKind kind = ValueKind::buffer;
  std::string input;        ///< input: its name in the section ("x", "ids", "rope")
  std::size_t index = 0;    ///< state, weight: in Program; buffer: in SectionProgram::buffers
  std::int64_t column = 0;  ///< first column of a view into a wider buffer
};

struct KernelStep {
  schedule::Workload workload;
  std::vector<Value> inputs;
  Value output;  ///< a buffer; for cache_append the state itself, written in place
  Cost cost;     ///< one call
};

struct SectionProgram {
  std::string name;  ///< "embed", "body", "head"
  std::int64_t repeat = 1;
  std::int64_t first_layer = 0;
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
  std::vector<StoredState> states;  ///< by number
};

/// The program of the first `layers` layers of its model, at least one of which is in it. Weights keep their places.
[[nodiscard]] Program with_layers(Program program, std::int64_t layers);

}  // namespace nntune::extract
