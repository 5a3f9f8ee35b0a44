#include "compiler/reference/run.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/graph/state.h"

namespace nntune::reference {
namespace {

/// The type of an input, its run-time dimension set to `capacity`.
graph::TensorType concrete(graph::TensorType type, std::int64_t capacity) {
  std::ranges::replace(type.shape, graph::kRunTime, capacity);
  return type;
}

}  // namespace

template <class T>
Runner<T>::Runner(Phases phases, Weights weights, HostTensor<T> rope, std::int64_t capacity)
    : phases_(std::move(phases)), weights_(std::move(weights)), rope_(std::move(rope)), capacity_(capacity) {}

template <class T>
void Runner<T>::clear() {
  past_ = 0;
  states_.clear();
}

template <class T>
Expected<const HostTensor<T>*> Runner<T>::weight(const graph::TensorType& type, const std::string& name,
                                                 std::int64_t layer) {
  const auto key = std::pair(name, graph::per_layer(name) ? layer : 0);
  if (const auto found = loaded_.find(key); found != loaded_.end()) return &found->second;
  NNTUNE_ASSIGN(const std::vector<float> values, weights_(name, layer));
  if (static_cast<std::int64_t>(values.size()) != type.elements()) {
    return fail(ErrorKind::bad_input,
                fmt::format("weight \"{}\" has {} values, must be {}", name, values.size(), type.text()));
  }
  HostTensor<T> tensor(type, std::vector<T>(values.begin(), values.end()));
  round_values(tensor);
  return &loaded_.emplace(key, std::move(tensor)).first->second;
}

template <class T>
Expected<std::vector<HostTensor<T>>> Runner<T>::run(const graph::Section& section, std::int64_t layer,
                                                    std::map<std::string, HostTensor<T>> inputs) {
  std::map<std::string, graph::TensorType> types;
  for (const graph::Node& node : section.graph.nodes()) {
    if (node.op.kind() == graph::OpKind::weight) types[node.op.leaf_name()] = node.type;
  }
  const WeightLookup<T> lookup = [&](const std::string& name) { return weight(types.at(name), name, layer); };
  return evaluate_graph<T>(section.graph, inputs, lookup, EvalContext{past_});
}

template <class T>
Expected<std::vector<T>> Runner<T>::feed(std::span<const std::int32_t> ids) {
  const auto rows = static_cast<std::int64_t>(ids.size());
  if (rows < 1) return fail(ErrorKind::bad_input, "there are no tokens to run");
  if (past_ + rows > capacity_) {
    return fail(ErrorKind::bad_input, fmt::format("{} tokens after {} are more than {}", rows, past_, capacity_));
  }
  NNTUNE_ASSIGN(const graph::Phase phase, phases_(rows));
  NNTUNE_TRY(graph::check_sections(phase));
  if (phase.sections.empty()) return fail(ErrorKind::bad_input, fmt::format("phase {} has no sections", phase.name));
  States states = states_;
  HostTensor<T> x;
  for (const graph::Section& section : phase.sections) {
    if (&section == &phase.sections.back()) {  // the head runs on the last row
      const T* last = x.row(rows - 1);
      x = HostTensor<T>({x.type.dtype, {1, x.columns()}, {}}, std::vector<T>(last, last + x.columns()));
    }
    for (std::int64_t layer = section.first_layer; layer < section.first_layer + section.repeat; ++layer) {
      NNTUNE_ASSIGN(auto inputs, inputs_of(section, layer, ids, x, states));
      NNTUNE_ASSIGN(auto outputs, run(section, layer, std::move(inputs)));
      x = std::move(outputs[0]);
      for (std::size_t i = 1; i < outputs.size(); ++i) {
        if (const auto state = graph::state_of(section.graph, section.graph.outputs()[i])) {
          states.at({*state, layer}) = std::move(outputs[i]);
        }
      }
    }
  }
  states_ = std::move(states);
  past_ += rows;
  return std::move(x.values);
}

template <class T>
Expected<std::map<std::string, HostTensor<T>>> Runner<T>::inputs_of(const graph::Section& section, std::int64_t layer,
                                                                    std::span<const std::int32_t> ids,
                                                                    const HostTensor<T>& x, States& states) const {
  std::map<std::string, HostTensor<T>> inputs;
  for (const graph::Node& node : section.graph.nodes()) {
    if (const auto state = graph::state_number(node.op)) {
      const auto& value = states.try_emplace({*state, layer}, HostTensor<T>(concrete(node.type, capacity_))).first->second;
      inputs.emplace(graph::state_name(*state), value);
      continue;
    }
    if (node.op.kind() != graph::OpKind::input) continue;
    const std::string& name = node.op.leaf_name();
    if (name == "ids") {
      inputs.emplace(name, HostTensor<T>(node.type, std::vector<T>(ids.begin(), ids.end())));
    } else if (name == "x") {
      inputs.emplace(name, x);
    } else if (name == "rope") {
      inputs.emplace(name, rope_);
    } else {
      return fail(ErrorKind::bad_input, fmt::format("section {} reads \"{}\"", section.name, name));
    }
  }
  return inputs;
}

template <class T>
Expected<std::vector<std::int32_t>> Runner<T>::generate(std::span<const std::int32_t> ids, std::int64_t count) {
  std::vector<std::int32_t> generated;
  std::vector<std::int32_t> next(ids.begin(), ids.end());
  while (static_cast<std::int64_t>(generated.size()) < count) {
    NNTUNE_ASSIGN(const std::vector<T> logits, feed(next));
    next = {static_cast<std::int32_t>(std::ranges::max_element(logits) - logits.begin())};
    generated.push_back(next[0]);
  }
  return generated;
}

template class Runner<float>;
template class Runner<double>;

}  // namespace nntune::reference
