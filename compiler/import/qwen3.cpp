#include "compiler/import/qwen3.h"

#include <cmath>

namespace nntune::import {
namespace {

using graph::DType;
using graph::Graph;
using graph::NodeId;
using graph::OpKind;
using graph::Step;
using graph::StepKind;
using graph::TensorType;

/// Adds nodes to one section; the first failure is kept and ends the section.
class Builder {
 public:
  Builder(const ModelConfig& config, DType weight_dtype) : config_(config), weight_dtype_(weight_dtype) {}

  NodeId input(const char* name, DType dtype, std::vector<std::int64_t> shape, std::vector<graph::Lane> lanes = {}) {
    return add(graph::input(name, TensorType{dtype, std::move(shape), std::move(lanes)}), {});
  }
  NodeId matrix(const char* name) { return weight(name, weight_dtype_); }
  NodeId norm_weight(const char* name) { return weight(name, DType::f32); }
  NodeId rowwise(Step step, std::vector<NodeId> inputs) { return add(graph::rowwise({std::move(step)}), std::move(inputs)); }
  NodeId matmul(NodeId x, const char* name) { return add(graph::matmul(), {x, matrix(name)}); }
  /// RMSNorm over each consecutive group of `group` columns (0 = the row), with its weight.
  NodeId norm(NodeId x, std::int64_t group, const char* name) {
    const NodeId normed = rowwise({.kind = StepKind::rms, .eps = config_.rms_eps, .group = group}, {x});
    return rowwise({.kind = StepKind::scale}, {normed, norm_weight(name)});
  }
  NodeId rope(NodeId x, NodeId table) { return rowwise({.kind = StepKind::rope, .group = config_.head_dim}, {x, table}); }

  NodeId add(graph::Op op, std::vector<NodeId> inputs) {
    if (!status_) return 0;
    const Expected<NodeId> id = graph_.add(std::move(op), std::move(inputs));
    if (!id) {
      status_ = tl::unexpected<Error>(id.error());
      return 0;
    }
    return *id;
  }

  Expected<graph::Section> finish(const char* name, std::int64_t repeat, std::vector<NodeId> outputs) {
    NNTUNE_TRY(status_);
    graph_.set_outputs(std::move(outputs));
    return graph::Section{name, std::move(graph_), repeat};
  }

 private:
  NodeId weight(const char* name, DType dtype) {
    for (const WeightSpec& spec : weight_specs(config_)) {
      if (spec.name == name) return add(graph::weight(name, TensorType{dtype, spec.shape, {}}), {});
    }
    status_ = fail(ErrorKind::internal, std::string("the model has no weight ") + name);
    return 0;
  }

  const ModelConfig& config_;
  DType weight_dtype_;
  Graph graph_;
  Status status_;
};

Expected<graph::Section> build_embed(const ModelConfig& config, DType dtype, std::int64_t rows) {
  Builder b(config, dtype);
  const NodeId ids = b.input("ids", DType::i32, {rows});
  return b.finish("embed", 1, {b.add(graph::Embed{}, {ids, b.matrix("embed_tokens")})});
}

Expected<graph::Section> build_body(const ModelConfig& config, DType dtype, std::int64_t rows, const CacheLayout& caches) {
  Builder b(config, dtype);
  const std::int64_t d = config.head_dim;
  const NodeId x = b.input("x", DType::f32, {rows, config.hidden});
  const NodeId table = b.input("rope", DType::f32, {graph::kRunTime, d});
  const NodeId k_cache = b.input("k_cache", dtype, {config.kv_heads, graph::kRunTime, d}, caches.keys);
  const NodeId v_cache = b.input("v_cache", dtype, {config.kv_heads, graph::kRunTime, d}, caches.values);

  const NodeId h = b.norm(x, 0, "layers.*.input_norm");
  const NodeId q = b.rope(b.norm(b.matmul(h, "layers.*.q_proj"), d, "layers.*.q_norm"), table);
  const NodeId k = b.rope(b.norm(b.matmul(h, "layers.*.k_proj"), d, "layers.*.k_norm"), table);
  const NodeId v = b.matmul(h, "layers.*.v_proj");
  const NodeId keys = b.add(graph::CacheAppend{}, {k, k_cache});
  const NodeId values = b.add(graph::CacheAppend{}, {v, v_cache});
  const NodeId context = b.add(
      graph::Attention{.heads = config.heads, .kv_heads = config.kv_heads, .scale = 1 / std::sqrt(static_cast<double>(d))},
      {q, keys, values});
  const NodeId attended = b.rowwise({.kind = StepKind::add}, {x, b.matmul(context, "layers.*.o_proj")});

  const NodeId m = b.norm(attended, 0, "layers.*.post_attention_norm");
  const NodeId gate = b.matmul(m, "layers.*.gate_proj");
  const NodeId up = b.matmul(m, "layers.*.up_proj");
  const NodeId down = b.matmul(b.rowwise({.kind = StepKind::swiglu}, {gate, up}), "layers.*.down_proj");
  const NodeId out = b.rowwise({.kind = StepKind::add}, {attended, down});
  return b.finish("body", config.layers, {out, keys, values});
}

Expected<graph::Section> build_head(const ModelConfig& config, DType dtype) {
  Builder b(config, dtype);
  const NodeId x = b.input("x", DType::f32, {1, config.hidden});
  const NodeId logits = b.matmul(b.norm(x, 0, "final_norm"), config.tied ? "embed_tokens" : "lm_head");
  return b.finish("head", 1, {logits, b.add(graph::Argmax{}, {logits})});
}

}  // namespace

Expected<graph::Phase> build_phase(const ModelConfig& config, DType weight_dtype, std::int64_t rows, PhaseKind kind,
                                   const CacheLayout& caches) {
  if (weight_dtype == DType::i32) return fail(ErrorKind::unsupported, "weights cannot be i32", "use f32 or bf16");
  graph::Phase phase{.name = kind == PhaseKind::decode ? "decode" : "prefill", .rows = rows, .sections = {}};
  NNTUNE_ASSIGN(graph::Section embed, build_embed(config, weight_dtype, rows));
  NNTUNE_ASSIGN(graph::Section body, build_body(config, weight_dtype, rows, caches));
  NNTUNE_ASSIGN(graph::Section head, build_head(config, weight_dtype));
  phase.sections = {std::move(embed), std::move(body), std::move(head)};
  return phase;
}

}  // namespace nntune::import
