/// The program of a module as data: kernels, stored weights, buffers and steps of every phase. The manifest in JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json_fwd.h"
#include "compiler/runtime/rope_table.h"

namespace nntune::runtime {

/// What the runtime and its users need to know of the model.
struct ModelInfo {
  std::string name;
  std::int64_t vocab = 0;
  std::int64_t hidden = 0;
  std::int64_t layers = 0;
  std::int64_t head_dim = 0;
  RopeInfo rope;
  std::int64_t max_positions = 0;  ///< the model was made for; 0 = not known
  std::string dtype;               ///< of the stored weights
  std::string weights;             ///< "given", or "random": seeded values, the text will be nonsense
  std::vector<std::int32_t> end_tokens;
};

/// One distinct kernel. Its image lies in the code section, 64-byte aligned.
struct Kernel {
  std::string workload;  ///< canonical text
  std::string schedule;  ///< canonical text
  bool tuned = false;    ///< the schedule was measured, not estimated
  std::uint64_t image_offset = 0;
  std::uint64_t image_bytes = 0;
  std::uint64_t entry = 0;  ///< from the start of the image
  std::int64_t scratch_bytes = 0;
};

/// One of the indices of a weight: each tensor is `distance` bytes behind that of the index before.
struct WeightIndex {
  enum class Kind { layer, expert };
  Kind kind = Kind::layer;
  std::int64_t count = 1;
  std::uint64_t distance = 0;
};

/// A constant in the weights section: tensors of `bytes` each, one for each value of its indices; one in all if it has none.
struct Weight {
  std::string key;
  std::string type;
  std::uint64_t offset = 0;  ///< 4096-byte aligned
  std::uint64_t bytes = 0;
  std::vector<WeightIndex> indices;
  std::int64_t stride = 0;  ///< KernelOperand::stride

  /// The index of this kind; {1 tensor, 0 bytes} if it has none.
  [[nodiscard]] WeightIndex index(WeightIndex::Kind kind) const;
};

/// What a sequence keeps between steps, e.g. keys: `rows` of `row_bytes` for each token and layer. Shared by all heads, it has one
/// row a token; scales of blocks are part of the row's bytes.
struct State {
  std::string type;  ///< for people, e.g. "bf16[8,?,128]<1:16,2:2>"
  std::int64_t rows = 0;
  std::int64_t row_bytes = 0;
  std::int64_t layers = 1;  ///< that have one
};

/// An intermediate result. Buffers of a section whose lives do not overlap share memory.
struct Buffer {
  std::int64_t bytes = 0;  ///< row padding included
  std::int64_t stride = 0;
  std::int64_t element_bytes = 0;
};

struct Operand {
  enum class Kind { ids, x, rope, state, weight, buffer };
  Kind kind = Kind::buffer;
  std::size_t index = 0;    ///< of the state, weight or buffer
  std::int64_t column = 0;  ///< first column of a view into a wider buffer
  /// State or weight with a tensor for each of several layers: that of the section's first repetition; each further repetition
  /// takes the next. (Of one that has no further layers all repetitions take the same.)
  std::int64_t first = 0;
};

/// One kernel call: its inputs in the order of the workload, then its output.
struct Step {
  std::size_t kernel = 0;
  std::vector<Operand> operands;
};

/// Steps that run `repeat` times; the output x of one repetition (or section) is the input x of the next.
struct Section {
  std::string name;
  std::int64_t repeat = 1;
  std::vector<Buffer> buffers;
  std::vector<Step> steps;
  std::vector<Operand> outputs;  ///< {x}; of the head {logits f32[1, vocab], argmax i32[1]}
};

/// What runs for up to `rows` tokens at once. The last section is the head, which runs on one row.
struct Phase {
  std::string name;
  std::int64_t rows = 1;
  std::vector<Section> sections;
};

struct Plan {
  ModelInfo model;
  std::vector<std::string> isa;  ///< features the code needs, as base/target.h names them
  int threads = 1;               ///< it was tuned for; it runs with any number
  /// What the program was permitted to change of the model's results (compiler/rules/permissions.h), by name.
  std::vector<std::string> allowed;
  std::vector<Kernel> kernels;
  std::vector<Weight> weights;
  std::vector<State> states;
  std::vector<Phase> phases;  ///< by rising rows; the first one is decode with 1 row

  [[nodiscard]] Json to_json() const;
  /// Everything is checked: a plan that was read addresses nothing outside its sections of `code_bytes` and `weight_bytes`.
  [[nodiscard]] static Expected<Plan> from_json(const Json& json, std::uint64_t code_bytes, std::uint64_t weight_bytes);
  /// The checks alone.
  [[nodiscard]] Status validate(std::uint64_t code_bytes, std::uint64_t weight_bytes) const;
};

}  // namespace nntune::runtime
