/// A small dense decoder as graphs, written by hand for tests of rules and extraction: weights in blocks, caches of f32.
#pragma once

#include <string>
#include <vector>

#include "compiler/graph/graph.h"
#include "compiler/graph/state.h"

namespace nntune::testing_models {

struct Shape {
  std::int64_t hidden = 1024;
  std::int64_t heads = 16;
  std::int64_t kv_heads = 8;
  std::int64_t head_dim = 128;
  std::int64_t intermediate = 3072;
  std::int64_t vocabulary = 151936;
  std::int64_t layers = 28;
  graph::DType dtype = graph::DType::bf16;
  std::int64_t block = 0;  ///< of quantised matrices
};

inline Shape tiny_shape(graph::DType dtype) {
  return {.hidden = 32,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 16,
          .intermediate = 64,
          .vocabulary = 96,
          .layers = 2,
          .dtype = dtype};
}

/// Adds nodes and keeps the code below short; types always fit here.
class Maker {
 public:
  graph::NodeId operator()(graph::Op op, std::vector<graph::NodeId> inputs = {}) {
    return graph.add(std::move(op), std::move(inputs)).value();
  }
  graph::NodeId weight(const std::string& name, graph::DType dtype, std::vector<std::int64_t> shape,
                       std::int64_t block = 0) {
    return (*this)(graph::weight(name, {dtype, std::move(shape), {}, block}));
  }
  graph::NodeId input(const std::string& name, graph::DType dtype, std::vector<std::int64_t> shape) {
    return (*this)(graph::input(name, {dtype, std::move(shape), {}}));
  }
  graph::NodeId chain(const std::string& text, std::vector<graph::NodeId> inputs) {
    return (*this)(graph::rowwise(graph::parse_chain(text).value()), std::move(inputs));
  }
  graph::Graph graph;
};

inline graph::Section body(const Shape& s, std::int64_t rows) {
  using graph::DType;
  Maker g;
  const auto matrix = [&](const std::string& name, std::int64_t n, std::int64_t k) {
    return g.weight("layers.*." + name, s.dtype, {n, k}, s.block);
  };
  const auto norm = [&](const std::string& name, std::int64_t n) { return g.weight("layers.*." + name, DType::f32, {n}); };
  const std::string head = std::to_string(s.head_dim);
  const auto x = g.input("x", DType::f32, {rows, s.hidden});
  const auto rope = g.input("rope", DType::f32, {graph::kRunTime, s.head_dim});
  const auto k_cache = g(graph::state(0, {DType::f32, {s.kv_heads, graph::kRunTime, s.head_dim}, {}}));
  const auto v_cache = g(graph::state(1, {DType::f32, {s.kv_heads, graph::kRunTime, s.head_dim}, {}}));
  const auto h = g.chain("rms(1e-06,0)|scale", {x, norm("input_layernorm", s.hidden)});
  const auto q = g(graph::matmul(), {h, matrix("q_proj", s.heads * s.head_dim, s.hidden)});
  const auto k = g(graph::matmul(), {h, matrix("k_proj", s.kv_heads * s.head_dim, s.hidden)});
  const auto v = g(graph::matmul(), {h, matrix("v_proj", s.kv_heads * s.head_dim, s.hidden)});
  const std::string norm_rope = "rms(1e-06," + head + ")|scale|rope(" + head + ")";
  const auto qr = g.chain(norm_rope, {q, norm("q_norm", s.head_dim), rope});
  const auto kr = g.chain(norm_rope, {k, norm("k_norm", s.head_dim), rope});
  const auto keys = g(graph::CacheAppend{}, {kr, k_cache});
  const auto values = g(graph::CacheAppend{}, {v, v_cache});
  const auto a = g(graph::Attention{.heads = s.heads, .kv_heads = s.kv_heads, .scale = 0.25}, {qr, keys, values});
  const auto o = g(graph::matmul(), {a, matrix("o_proj", s.hidden, s.heads * s.head_dim)});
  const auto x2 = g.chain("add", {x, o});
  const auto h2 = g.chain("rms(1e-06,0)|scale", {x2, norm("post_attention_layernorm", s.hidden)});
  const auto gate = g(graph::matmul(), {h2, matrix("gate_proj", s.intermediate, s.hidden)});
  const auto up = g(graph::matmul(), {h2, matrix("up_proj", s.intermediate, s.hidden)});
  const auto act = g.chain("swiglu", {gate, up});
  const auto down = g(graph::matmul(), {act, matrix("down_proj", s.hidden, s.intermediate)});
  g.graph.set_outputs({g.chain("add", {x2, down})});
  return {"body", std::move(g.graph), s.layers};
}

inline graph::Section embed(const Shape& s, std::int64_t rows) {
  Maker g;
  const auto ids = g.input("ids", graph::DType::i32, {rows});
  g.graph.set_outputs({g(graph::Embed{}, {ids, g.weight("embed_tokens", s.dtype, {s.vocabulary, s.hidden})})});
  return {"embed", std::move(g.graph), 1};
}

inline graph::Section head(const Shape& s) {
  Maker g;
  const auto x = g.input("x", graph::DType::f32, {1, s.hidden});
  const auto h = g.chain("rms(1e-06,0)|scale", {x, g.weight("norm", graph::DType::f32, {s.hidden})});
  const auto logits = g(graph::matmul(), {h, g.weight("embed_tokens", s.dtype, {s.vocabulary, s.hidden})});
  g.graph.set_outputs({logits, g(graph::Argmax{}, {logits})});
  return {"head", std::move(g.graph), 1};
}

inline graph::Phase phase(const Shape& s, const std::string& name, std::int64_t rows) {
  return {name, rows, {embed(s, rows), body(s, rows), head(s)}};
}

inline std::vector<graph::Phase> phases(const Shape& s, std::int64_t prefill_rows = 512) {
  return {phase(s, "decode", 1), phase(s, "prefill", prefill_rows)};
}

}  // namespace nntune::testing_models
