#include "compiler/import/layer_builder.h"

#include <fmt/format.h>

#include <cmath>

#include "compiler/graph/state.h"

namespace nntune::import {

using graph::DType;
using graph::NodeId;
using graph::StepKind;
using graph::TensorType;

SectionBuilder::SectionBuilder(const ModelConfig& config, DType weight_dtype)
    : config_(config), weights_(weight_list(config)), weight_dtype_(weight_dtype) {}

void SectionBuilder::set_error(Status status) {
  if (status_) status_ = std::move(status);
}

NodeId SectionBuilder::add(graph::Op op, std::vector<NodeId> inputs) {
  if (!status_) return 0;
  const Expected<NodeId> id = graph_.add(std::move(op), std::move(inputs));
  if (id) return *id;
  set_error(tl::unexpected<Error>(id.error()));
  return 0;
}

NodeId SectionBuilder::input(std::string_view name, DType dtype, std::vector<std::int64_t> shape) {
  return add(graph::input(std::string(name), TensorType{dtype, std::move(shape), {}}));
}

NodeId SectionBuilder::weight(std::string_view name) {
  const WeightSpec* spec = weights_.find(name);
  if (spec == nullptr) {
    set_error(fail(ErrorKind::internal, fmt::format("the model has no weight {}", name)));
    return 0;
  }
  const DType dtype = spec->role == WeightRole::matrix ? weight_dtype_ : DType::f32;
  return add(graph::weight(spec->name, TensorType{dtype, spec->shape, {}}));
}

NodeId SectionBuilder::rowwise(graph::Step step, std::vector<NodeId> inputs) {
  return add(graph::rowwise({std::move(step)}), std::move(inputs));
}

NodeId SectionBuilder::matmul(NodeId x, std::string_view name) { return add(graph::matmul(), {x, weight(name)}); }

NodeId SectionBuilder::norm_over(NodeId x, std::int64_t group, std::string_view name) {
  const NodeId normed = rowwise({.kind = StepKind::rms, .eps = config_.rms_eps, .group = group}, {x});
  return rowwise({.kind = StepKind::scale}, {normed, weight(name)});
}

NodeId SectionBuilder::norm(NodeId x, std::string_view name) { return norm_over(x, 0, name); }

NodeId SectionBuilder::head_norm(NodeId x, std::string_view name) { return norm_over(x, config_.head_dim, name); }

NodeId SectionBuilder::bias(NodeId x, std::string_view name) { return rowwise({.kind = StepKind::bias}, {x, weight(name)}); }

NodeId SectionBuilder::sum(NodeId a, NodeId b) { return rowwise({.kind = StepKind::add}, {a, b}); }

Expected<graph::Section> SectionBuilder::finish(std::string_view name, std::int64_t repeat, std::vector<NodeId> outputs) {
  NNTUNE_TRY(status_);
  graph_.set_outputs(std::move(outputs));
  return graph::Section{.name = std::string(name), .graph = std::move(graph_), .repeat = repeat};
}

LayerBuilder::LayerBuilder(const ModelConfig& config, DType weight_dtype, std::int64_t rows)
    : SectionBuilder(config, weight_dtype) {
  const std::int64_t d = config.head_dim;
  x_ = input("x", DType::f32, {rows, config.hidden});
  rope_table_ = input("rope", DType::f32, {graph::kRunTime, d});
  k_cache_ = add(graph::state(0, {weight_dtype, {config.kv_heads, graph::kRunTime, d}, {}}));
  v_cache_ = add(graph::state(1, {weight_dtype, {config.kv_heads, graph::kRunTime, d}, {}}));
}

NodeId LayerBuilder::rope(NodeId x) {
  return rowwise({.kind = StepKind::rope, .group = config().head_dim}, {x, rope_table_});
}

NodeId LayerBuilder::attention(NodeId q, NodeId k, NodeId v) {
  if (!new_caches_.empty()) set_error(fail(ErrorKind::internal, "a layer has one pair of KV caches"));
  const NodeId keys = add(graph::CacheAppend{}, {k, k_cache_});
  const NodeId values = add(graph::CacheAppend{}, {v, v_cache_});
  new_caches_ = {keys, values};
  return add(graph::Attention{.heads = config().heads,
                              .kv_heads = config().kv_heads,
                              .scale = 1 / std::sqrt(static_cast<double>(config().head_dim))},
             {q, keys, values});
}

NodeId LayerBuilder::gated_mlp(NodeId x, std::string_view gate, std::string_view up, std::string_view down) {
  const NodeId gated = matmul(x, gate);
  const NodeId values = matmul(x, up);
  return matmul(rowwise({.kind = StepKind::swiglu}, {gated, values}), down);
}

Expected<graph::Section> LayerBuilder::finish_layer(std::string_view name, std::int64_t repeat, NodeId x) {
  std::vector<NodeId> outputs = {x};
  outputs.insert(outputs.end(), new_caches_.begin(), new_caches_.end());
  return finish(name, repeat, std::move(outputs));
}

}  // namespace nntune::import
