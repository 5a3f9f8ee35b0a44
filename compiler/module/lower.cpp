#include "compiler/module/lower.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "compiler/runtime/kernel_abi.h"
#include "compiler/runtime/session_memory.h"

namespace nntune::module {
namespace {

using extract::ValueKind;
using graph::TensorType;
using runtime::Operand;

tl::unexpected<Error> unexpected_shape(std::string what) {
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

Expected<Operand> operand_of(const extract::Value& value) {
  using Kind = Operand::Kind;
  if (value.kind == ValueKind::weight) return Operand{Kind::weight, value.index, value.column};
  if (value.kind == ValueKind::buffer) return Operand{Kind::buffer, value.index, value.column};
  if (value.column != 0) return unexpected_shape("a view of an input");
  if (value.input == "ids") return Operand{Kind::ids};
  if (value.input == "x") return Operand{Kind::x};
  if (value.input == "rope") return Operand{Kind::rope};
  if (value.input == "k_cache") return Operand{Kind::k_cache};
  if (value.input == "v_cache") return Operand{Kind::v_cache};
  return unexpected_shape(fmt::format("unknown input '{}'", value.input));
}

Expected<std::vector<Operand>> operands_of(const std::vector<extract::Value>& values) {
  std::vector<Operand> operands;
  for (const extract::Value& value : values) {
    NNTUNE_ASSIGN(const Operand operand, operand_of(value));
    operands.push_back(operand);
  }
  return operands;
}

bool is_cache(const extract::Value& value) {
  return value.kind == ValueKind::input && (value.input == "k_cache" || value.input == "v_cache");
}

/// The element type of all KV caches. They outlive every section, so each has one type everywhere.
Expected<graph::DType> cache_dtype(const extract::Program& program, const import::ModelConfig& config) {
  std::map<std::string, TensorType> types;  // "k_cache", "v_cache"
  for (const auto& phase : program.phases) {
    for (const auto& section : phase.sections) {
      for (const auto& step : section.steps) {
        for (std::size_t i = 0; i < step.inputs.size(); ++i) {
          if (!is_cache(step.inputs[i])) continue;
          const TensorType& found = step.workload.inputs[i];
          const TensorType& first = types.try_emplace(step.inputs[i].input, found).first->second;
          if (first != found)
            return unexpected_shape(fmt::format("{} is {} and {}", step.inputs[i].input, first.text(), found.text()));
        }
      }
    }
  }
  if (types.size() != 2) return unexpected_shape("no KV caches");
  const graph::DType dtype = types.begin()->second.dtype;
  for (const auto& [name, type] : types) {
    // Whole tiles: the capacity is a multiple of 64, and no dimension is padded.
    if (type.rank() != 3 || type.shape[0] != config.kv_heads || type.shape[2] != config.head_dim || type.dtype != dtype ||
        type.lanes_on(0) != 1 || runtime::kCapacityGranule % type.lanes_on(1) != 0 ||
        type.shape[2] % type.lanes_on(2) != 0) {
      return unexpected_shape(fmt::format("{} is {}", name, type.text()));
    }
  }
  return dtype;
}

using KernelIndex = std::unordered_map<std::string, std::size_t>;

Expected<runtime::Section> lower_section(const extract::SectionProgram& section, bool head, const KernelIndex& kernels) {
  runtime::Section result{.name = section.name, .repeat = section.repeat, .buffers = {}, .steps = {}, .outputs = {}};
  for (const TensorType& type : section.buffers) result.buffers.push_back(buffer_of(type));
  for (const extract::KernelStep& step : section.steps) {
    runtime::Step lowered{.kernel = kernels.at(step.workload.text()), .operands = {}};
    NNTUNE_ASSIGN(lowered.operands, operands_of(step.inputs));
    NNTUNE_ASSIGN(const Operand output, operand_of(step.output));
    lowered.operands.push_back(output);
    result.steps.push_back(std::move(lowered));
  }
  std::vector<extract::Value> outputs = section.outputs;
  // The caches that the body returns are its inputs, written in place.
  if (!head) std::erase_if(outputs, is_cache);
  NNTUNE_ASSIGN(result.outputs, operands_of(outputs));
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
  NNTUNE_ASSIGN(const graph::DType cache, cache_dtype(program, config));
  runtime::Plan plan;
  plan.model.vocab = config.vocab;
  plan.model.hidden = config.hidden;
  plan.model.layers = config.layers;
  plan.model.kv_heads = config.kv_heads;
  plan.model.head_dim = config.head_dim;
  plan.model.rope = {.frequencies = config.rope.frequencies, .attention_factor = config.rope.attention_factor};
  plan.model.max_positions = config.max_positions;
  plan.model.cache_element_bytes = static_cast<int>(graph::size_bytes(cache));

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
      NNTUNE_ASSIGN(auto each, lower_section(section, &section == &phase.sections.back(), kernels));
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
