#include "compiler/extract/lower.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <optional>

namespace nntune::extract {

using egraph::ClassId;
using egraph::NodeId;
using graph::OpKind;

namespace {

/// The stored weights of a program, each once.
class WeightStore {
 public:
  WeightStore(const egraph::EGraph& graph, const rules::Language& language, const egraph::SmallestTerms& terms,
              const LayerIndex& layers)
      : graph_(graph), language_(language), terms_(terms), layers_(layers) {}

  Expected<std::size_t> index(ClassId id) {
    id = graph_.find(id);
    if (const auto known = indices_.find(id); known != indices_.end()) {
      return known->second;
    }
    StoredWeight weight;
    weight.key = terms_.term(id).text();
    weight.type = language_.type(graph_, id);
    std::map<ClassId, graph::NodeId> made;
    std::optional<Layers> layers;
    NNTUNE_ASSIGN(const graph::NodeId root, build(id, weight, made, layers));
    weight.recipe.set_outputs({root});
    weight.layers = std::move(layers).value_or(Layers());
    indices_.emplace(id, weights_.size());
    weights_.push_back(std::move(weight));
    return weights_.size() - 1;
  }

  std::vector<StoredWeight> take() { return std::move(weights_); }

 private:
  Expected<graph::NodeId> build(ClassId id, StoredWeight& weight, std::map<ClassId, graph::NodeId>& made,
                                std::optional<Layers>& layers) {
    if (const auto known = made.find(id); known != made.end()) {
      return known->second;
    }
    const NodeId node = terms_.node(id);
    std::vector<graph::NodeId> inputs;
    for (const ClassId child : graph_.children(node)) {
      NNTUNE_ASSIGN(const graph::NodeId input, build(child, weight, made, layers));
      inputs.push_back(input);
    }
    const graph::Op& op = language_.op(graph_, node);
    if (op.kind() == OpKind::weight) narrow(layers, layers_.of_weight(op.leaf_name()));
    NNTUNE_ASSIGN(const graph::NodeId result, weight.recipe.add(op, std::move(inputs)));
    made.emplace(id, result);
    return result;
  }

  const egraph::EGraph& graph_;
  const rules::Language& language_;
  const egraph::SmallestTerms& terms_;
  const LayerIndex& layers_;
  std::map<ClassId, std::size_t> indices_;
  std::vector<StoredWeight> weights_;
};

/// Puts a state where its number says.
void store(std::vector<StoredState>& states, std::size_t number, const graph::TensorType& type, const LayerIndex& layers) {
  if (states.size() <= number) states.resize(number + 1);
  if (states[number].layers.empty()) states[number] = {type, layers.of_state(number)};
  assert(states[number].type == type && "a solution takes one layout of each state");
}

/// Gives dead buffers of the same type to later steps.
void reuse_buffers(SectionProgram& section) {
  const std::size_t count = section.buffers.size();
  std::vector<std::size_t> last_use(count, 0);
  for (std::size_t i = 0; i < section.steps.size(); ++i) {
    for (const Value& value : section.steps[i].inputs) {
      if (value.kind == ValueKind::buffer) {
        last_use[value.index] = i;
      }
    }
  }
  for (const Value& value : section.outputs) {
    if (value.kind == ValueKind::buffer) {
      last_use[value.index] = section.steps.size();
    }
  }
  std::vector<std::size_t> place(count);
  std::vector<graph::TensorType> types;
  std::vector<std::size_t> free_at;  // by new buffer: first step that may write it again
  for (std::size_t i = 0; i < section.steps.size(); ++i) {
    KernelStep& step = section.steps[i];
    for (Value& value : step.inputs) {
      if (value.kind == ValueKind::buffer) {
        value.index = place[value.index];
      }
    }
    if (step.output.kind != ValueKind::buffer) {
      continue;
    }
    const std::size_t old = step.output.index;
    std::size_t target = 0;
    while (target < types.size() && (types[target] != section.buffers[old] || free_at[target] > i)) {
      ++target;
    }
    if (target == types.size()) {
      types.push_back(section.buffers[old]);
      free_at.push_back(0);
    }
    free_at[target] = std::max(last_use[old], i) + 1;
    place[old] = target;
    step.output.index = target;
  }
  for (Value& value : section.outputs) {
    if (value.kind == ValueKind::buffer) {
      value.index = place[value.index];
    }
  }
  section.buffers = std::move(types);
}

}  // namespace

Expected<Program> lower(std::span<const graph::Phase> phases, const egraph::EGraph& graph, const rules::Language& language,
                        const egraph::SmallestTerms& terms, const Problem& problem, const Solution& solution) {
  Program program;
  const LayerIndex layers(phases);
  WeightStore weights(graph, language, terms, layers);
  std::map<ClassId, std::uint32_t> index_of;
  for (std::uint32_t i = 0; i < problem.classes.size(); ++i) {
    if (!problem.classes[i].is_state_after()) index_of.emplace(problem.classes[i].id, i);
  }
  std::size_t next_section = 0;
  for (const graph::Phase& phase : phases) {
    PhaseProgram phase_program{phase.name, phase.rows, {}};
    for (const graph::Section& section : phase.sections) {
      const ProblemSection& goal = problem.sections[next_section++];
      SectionProgram lowered;
      lowered.name = section.name;
      lowered.repeat = section.repeat;
      lowered.first_layer = section.first_layer;
      std::vector<Value> values(problem.classes.size());
      for (const std::uint32_t at : needed_classes(problem, solution.choice, goal)) {
        const Option& option = problem.classes[at].options[static_cast<std::size_t>(solution.choice[at])];
        if (problem.classes[at].is_state_after()) {
          values[at] = values[option.operands[0]];
          continue;
        }
        const graph::Op& op = language.op(graph, option.node);
        std::vector<Value> inputs;
        for (const ClassId child : graph.children(option.node)) {
          const ClassId id = graph.find(child);
          if (language.constant(graph, id)) {
            NNTUNE_ASSIGN(const std::size_t index, weights.index(id));
            inputs.push_back({.kind = ValueKind::weight, .input = {}, .index = index});
          } else {
            inputs.push_back(values[index_of.at(id)]);
          }
        }
        Value& value = values[at];
        if (op.kind() == OpKind::input) {
          value = {.kind = ValueKind::input, .input = language.plain_input(op.leaf_name()).second};
        } else if (const auto state = graph::state_number(op)) {
          store(program.states, *state, op.leaf_type(), layers);
          value = {.kind = ValueKind::state, .input = {}, .index = *state};
        } else if (op.kind() == OpKind::slice) {
          value = inputs[0];
          value.column += op.as<graph::Slice>().begin;  // make_problem gives slices of columns only
        } else {
          if (op.kind() == OpKind::cache_append) {
            value = inputs.back();
          } else {
            value = {.kind = ValueKind::buffer, .input = {}, .index = lowered.buffers.size()};
            lowered.buffers.push_back(language.type(graph, problem.classes[at].id));
          }
          const auto workload = static_cast<std::size_t>(option.workload);
          lowered.steps.push_back({problem.workloads[workload], std::move(inputs), value, problem.costs[workload]});
        }
      }
      for (const std::uint32_t root : goal.roots) {
        lowered.outputs.push_back(values[root]);
      }
      reuse_buffers(lowered);
      phase_program.sections.push_back(std::move(lowered));
    }
    program.phases.push_back(std::move(phase_program));
  }
  program.weights = weights.take();
  return program;
}

}  // namespace nntune::extract
