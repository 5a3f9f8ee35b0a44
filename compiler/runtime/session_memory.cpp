#include "compiler/runtime/session_memory.h"

#include <algorithm>

#include "compiler/runtime/arrange.h"
#include "compiler/runtime/kernel_abi.h"
#include "compiler/runtime/module_file.h"

namespace nntune::runtime {
namespace {

/// A kernel may read this far behind the end of a table or state, never write.
constexpr std::size_t kReadSlackBytes = 4096;

template <class T>
T align_up(T value, T to) {
  return (value + to - 1) / to * to;
}

}  // namespace

std::int64_t state_bytes_per_token(const Plan& plan) {
  std::int64_t bytes = 0;
  for (const State& state : plan.states) bytes += state.layers * state.rows * state.row_bytes;
  return bytes;
}

SessionMemory session_memory(const Plan& plan, std::int64_t ctx, std::int64_t sequences) {
  const ModelInfo& model = plan.model;
  SessionMemory memory;
  memory.capacity = align_up(ctx, kCapacityGranule);
  const auto capacity = static_cast<std::size_t>(memory.capacity);
  for (const State& state : plan.states) {
    const std::size_t bytes = align_up(capacity * static_cast<std::size_t>(state.rows * state.row_bytes), kPageBytes);
    memory.states.push_back({.offset = memory.sequence_bytes, .bytes = bytes});
    memory.sequence_bytes += static_cast<std::size_t>(state.layers) * bytes;
  }
  memory.states_bytes = static_cast<std::size_t>(sequences) * memory.sequence_bytes + kReadSlackBytes;

  std::int64_t most_rows = 0;
  for (const Phase& phase : plan.phases) {
    most_rows = std::max(most_rows, phase.rows);
    for (const Section& section : phase.sections) {
      const bool head = &section == &phase.sections.back();
      memory.arena_bytes = std::max<std::size_t>(memory.arena_bytes, arrange(section, head).arena_bytes);
      if (head) continue;
      const auto bytes = static_cast<std::size_t>(section.buffers[section.outputs.front().index].bytes);
      memory.x_bytes = std::max(memory.x_bytes, bytes + kReadSlackBytes);
    }
  }
  memory.arena_bytes += kReadSlackBytes;
  const auto rows = static_cast<std::size_t>(most_rows + kRowPadding);
  memory.ids_bytes = rows * sizeof(std::int32_t) + kReadSlackBytes;
  memory.rope_bytes = (capacity + rows) * static_cast<std::size_t>(model.rope.columns()) * sizeof(float);

  for (const Kernel& kernel : plan.kernels) {
    memory.scratch_bytes = std::max(memory.scratch_bytes, static_cast<std::size_t>(kernel.scratch_bytes));
  }
  memory.scratch_bytes = align_up(memory.scratch_bytes, kPageBytes);
  return memory;
}

}  // namespace nntune::runtime
