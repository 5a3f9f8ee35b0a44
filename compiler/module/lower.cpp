#include "compiler/module/lower.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "compiler/runtime/kernel_abi.h"
#include "compiler/runtime/session_memory.h"

namespace nntune::module {
namespace {

using extract::ValueKind;
using graph::TensorType;
using runtime::Operand;

tl::unexpected<Error> unexpected_shape(const std::string& what) {
  return fail(ErrorKind::internal, "the program cannot be lowered: " + what, "this is a bug of nntune, please report it");
}

/// As kernels see it, with room for rows that a tile of rows writes too much.
runtime::Buffer buffer_of(const TensorType& type) {
  TensorType padded = type;
  padded.shape[0] += runtime::kRowPadding;
  return {.bytes = padded.storage_bytes(),
          .stride = type.packed() ? 0 : type.shape.back(),
          .element_bytes = static_cast<std::int64_t>(graph::size_bytes(type.dtype))};
}

/// Which of the tensors of a weight or state, one for each of `layers`, is that of the section's first layer.
Expected<std::int64_t> first_of(const extract::Layers& layers, const extract::SectionProgram& section) {
  if (layers.empty()) return 0;
  const auto first = std::ranges::lower_bound(layers, section.first_layer);
  for (std::int64_t i = 0; i < section.repeat; ++i) {
    if (layers.end() - first <= i || first[i] != section.first_layer + i) {
      return unexpected_shape(fmt::format("{} reads what layer {} has not", section.name, section.first_layer + i));
    }
  }
  return first - layers.begin();
}

/// Lowers the values of one section.
class Operands {
 public:
  Operands(const extract::Program& program, const extract::SectionProgram& section) : program_(program), section_(section) {}

  [[nodiscard]] Expected<Operand> of(const extract::Value& value) const {
    using Kind = Operand::Kind;
    Operand operand{.kind = Kind::buffer, .index = value.index, .column = value.column};
    switch (value.kind) {
      case ValueKind::buffer: return operand;
      case ValueKind::weight: {
        operand.kind = Kind::weight;
        NNTUNE_ASSIGN(operand.first, first_of(program_.weights[value.index].layers, section_));
        return operand;
      }
      case ValueKind::state: {
        operand.kind = Kind::state;
        NNTUNE_ASSIGN(operand.first, first_of(program_.states[value.index].layers, section_));
        break;
      }
      case ValueKind::input: {
        NNTUNE_ASSIGN(operand.kind, input_of(value.input));
        break;
      }
    }
    if (value.column != 0) return unexpected_shape("a view of an input");
    return operand;
  }

  [[nodiscard]] Expected<std::vector<Operand>> of(const std::vector<extract::Value>& values) const {
    std::vector<Operand> operands;
    for (const extract::Value& value : values) {
      NNTUNE_ASSIGN(const Operand operand, of(value));
      operands.push_back(operand);
    }
    return operands;
  }

 private:
  static Expected<Operand::Kind> input_of(const std::string& name) {
    if (name == "ids") return Operand::Kind::ids;
    if (name == "x") return Operand::Kind::x;
    if (name == "rope") return Operand::Kind::rope;
    return unexpected_shape(fmt::format("unknown input '{}'", name));
  }

  const extract::Program& program_;
  const extract::SectionProgram& section_;
};

Expected<runtime::State> state_of(const extract::StoredState& state) {
  const TensorType& type = state.type;
  const std::size_t tokens = schedule::token_axis(type);
  if (state.layers.empty() || tokens == type.shape.size()) return unexpected_shape("a state that nothing reads");
  TensorType granule = type;
  granule.shape[tokens] = runtime::kCapacityGranule;
  for (int axis = 0; axis < granule.rank(); ++axis) {
    // Whole tiles, so that any capacity is a number of granules.
    const std::int64_t extent = granule.shape[static_cast<std::size_t>(axis)];
    if (extent < 1 || extent % granule.lanes_on(axis) != 0) return unexpected_shape("a state is " + type.text());
  }
  std::int64_t rows = 1;
  for (std::size_t axis = 0; axis < tokens; ++axis) rows *= granule.shape[axis];
  return runtime::State{.type = type.text(),
                        .rows = rows,
                        .row_bytes = granule.storage_bytes() / (rows * runtime::kCapacityGranule),
                        .layers = static_cast<std::int64_t>(state.layers.size())};
}

using KernelIndex = std::unordered_map<std::string, std::size_t>;

Expected<runtime::Section> lower_section(const extract::Program& program, const extract::SectionProgram& section, bool head,
                                         const KernelIndex& kernels) {
  const Operands operands(program, section);
  runtime::Section result{.name = section.name, .repeat = section.repeat, .buffers = {}, .steps = {}, .outputs = {}};
  for (const TensorType& type : section.buffers) result.buffers.push_back(buffer_of(type));
  for (const extract::KernelStep& step : section.steps) {
    runtime::Step lowered{.kernel = kernels.at(step.workload.text()), .operands = {}};
    NNTUNE_ASSIGN(lowered.operands, operands.of(step.inputs));
    NNTUNE_ASSIGN(const Operand output, operands.of(step.output));
    lowered.operands.push_back(output);
    result.steps.push_back(std::move(lowered));
  }
  std::vector<extract::Value> outputs = section.outputs;
  // The states that a body returns are its inputs, written in place.
  if (!head) std::erase_if(outputs, [](const extract::Value& value) { return value.kind == ValueKind::state; });
  NNTUNE_ASSIGN(result.outputs, operands.of(outputs));
  return result;
}

}  // namespace

std::vector<schedule::Workload> distinct_workloads(const extract::Program& program) {
  std::vector<schedule::Workload> result;
  KernelIndex seen;
  for (const auto& phase : program.phases) {
    for (const auto& section : phase.sections) {
      for (const auto& step : section.steps) {
        if (seen.try_emplace(step.workload.text(), result.size()).second) result.push_back(step.workload);
      }
    }
  }
  return result;
}

Expected<runtime::Plan> lower_phases(const extract::Program& program, const import::ModelConfig& config) {
  runtime::Plan plan;
  plan.model.vocab = config.vocab;
  plan.model.hidden = config.hidden;
  plan.model.layers = config.layers;
  plan.model.head_dim = config.head_dim;
  plan.model.rope = {.frequencies = config.rope.frequencies, .attention_factor = config.rope.attention_factor};
  plan.model.max_positions = config.max_positions;
  for (const extract::StoredState& state : program.states) {
    NNTUNE_ASSIGN(runtime::State lowered, state_of(state));
    plan.states.push_back(std::move(lowered));
  }

  KernelIndex kernels;
  for (const schedule::Workload& workload : distinct_workloads(program)) {
    kernels.emplace(workload.text(), plan.kernels.size());
    plan.kernels.push_back({.workload = workload.text(), .schedule = {}});
    plan.threads = workload.threads;
  }
  for (const extract::PhaseProgram& phase : program.phases) {
    runtime::Phase& lowered =
        plan.phases.emplace_back(runtime::Phase{.name = phase.name, .rows = phase.rows, .sections = {}});
    for (const extract::SectionProgram& section : phase.sections) {
      NNTUNE_ASSIGN(auto each, lower_section(program, section, &section == &phase.sections.back(), kernels));
      lowered.sections.push_back(std::move(each));
    }
  }
  std::ranges::sort(plan.phases, {}, &runtime::Phase::rows);
  return plan;
}

Expected<runtime::Plan> lower(const extract::Program& program, const import::Model& model, graph::DType dtype,
                              const WeightLayout& layout) {
  NNTUNE_ASSIGN(runtime::Plan plan, lower_phases(program, model.config));
  plan.model.name = model.name;
  plan.model.dtype = graph::name(dtype);
  plan.model.weights = model.weights->random() ? "random" : "given";
  for (const std::int64_t id : model.eos_ids) plan.model.end_tokens.push_back(static_cast<std::int32_t>(id));
  plan.weights = layout.weights;
  return plan;
}

}  // namespace nntune::module
