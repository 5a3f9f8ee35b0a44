#include "compiler/reference/run.h"

#include <fmt/format.h>

#include <algorithm>

namespace nntune::reference {
namespace {

/// The type of an input by name, its run-time dimension set to `capacity`.
Expected<graph::TensorType> input_type(const graph::Graph& graph, const std::string& name, std::int64_t capacity) {
  for (const graph::Node& node : graph.nodes()) {
    if (node.op.kind() != graph::OpKind::input || node.op.leaf_name() != name) continue;
    graph::TensorType type = node.type;
    std::ranges::replace(type.shape, graph::kRunTime, capacity);
    return type;
  }
  return fail(ErrorKind::internal, fmt::format("a section has no input \"{}\"", name));
}

Expected<const graph::Section*> find_section(const graph::Phase& phase, const std::string& name) {
  for (const graph::Section& section : phase.sections) {
    if (section.name == name) return &section;
  }
  return fail(ErrorKind::internal, fmt::format("phase {} has no section \"{}\"", phase.name, name));
}

}  // namespace

template <class T>
Runner<T>::Runner(Phases phases, Weights weights, HostTensor<T> rope, std::int64_t capacity)
    : phases_(std::move(phases)), weights_(std::move(weights)), rope_(std::move(rope)), capacity_(capacity) {}

template <class T>
void Runner<T>::clear() {
  past_ = 0;
  caches_.clear();
}

template <class T>
Expected<const HostTensor<T>*> Runner<T>::weight(const graph::TensorType& type, const std::string& name,
                                                 std::int64_t layer) {
  const auto key = std::pair(name, name.starts_with("layers.*.") ? layer : 0);
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
  NNTUNE_ASSIGN(const graph::Section* const embed, find_section(phase, "embed"));
  NNTUNE_ASSIGN(const graph::Section* const body, find_section(phase, "body"));
  NNTUNE_ASSIGN(const graph::Section* const head, find_section(phase, "head"));

  NNTUNE_ASSIGN(const graph::TensorType ids_type, input_type(embed->graph, "ids", 0));
  NNTUNE_ASSIGN(auto embedded, run(*embed, 0, {{"ids", HostTensor<T>(ids_type, std::vector<T>(ids.begin(), ids.end()))}}));
  HostTensor<T> x = std::move(embedded[0]);

  NNTUNE_ASSIGN(const graph::TensorType k_type, input_type(body->graph, "k_cache", capacity_));
  NNTUNE_ASSIGN(const graph::TensorType v_type, input_type(body->graph, "v_cache", capacity_));
  auto caches = caches_;
  caches.resize(static_cast<std::size_t>(body->repeat), {HostTensor<T>(k_type), HostTensor<T>(v_type)});
  for (std::int64_t layer = 0; layer < body->repeat; ++layer) {
    auto& [k, v] = caches[static_cast<std::size_t>(layer)];
    NNTUNE_ASSIGN(
        auto out,
        run(*body, layer, {{"x", std::move(x)}, {"rope", rope_}, {"k_cache", std::move(k)}, {"v_cache", std::move(v)}}));
    x = std::move(out[0]);
    k = std::move(out[1]);
    v = std::move(out[2]);
  }

  NNTUNE_ASSIGN(const graph::TensorType head_type, input_type(head->graph, "x", 0));
  const T* last = x.row(rows - 1);
  NNTUNE_ASSIGN(auto out, run(*head, 0, {{"x", HostTensor<T>(head_type, std::vector<T>(last, last + x.columns()))}}));
  caches_ = std::move(caches);
  past_ += rows;
  return std::move(out[0].values);
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
