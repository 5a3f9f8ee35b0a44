#include "compiler/import/phases.h"

#include "compiler/import/family.h"
#include "compiler/import/layer_builder.h"

namespace nntune::import {
namespace {

using graph::DType;
using graph::NodeId;

Expected<graph::Section> build_embed(const ModelConfig& config, DType dtype, std::int64_t rows) {
  SectionBuilder b(config, dtype);
  const NodeId ids = b.input("ids", DType::i32, {rows});
  return b.finish("embed", 1, {b.add(graph::Embed{}, {ids, b.weight("embed_tokens")})});
}

Expected<graph::Section> build_body(const ModelConfig& config, DType dtype, std::int64_t rows) {
  LayerBuilder b(config, dtype, rows);
  return b.finish_layer("body", config.layers, config.family->layer(b, b.x()));
}

Expected<graph::Section> build_head(const ModelConfig& config, DType dtype) {
  SectionBuilder b(config, dtype);
  const NodeId x = b.input("x", DType::f32, {1, config.hidden});
  const NodeId logits = b.matmul(b.norm(x, "final_norm"), config.tied ? "embed_tokens" : "lm_head");
  return b.finish("head", 1, {logits, b.add(graph::Argmax{}, {logits})});
}

}  // namespace

Expected<graph::Phase> build_phase(const ModelConfig& config, DType weight_dtype, std::int64_t rows, PhaseKind kind) {
  if (weight_dtype == DType::i32) return fail(ErrorKind::unsupported, "weights cannot be i32", "use f32 or bf16");
  graph::Phase phase{.name = kind == PhaseKind::decode ? "decode" : "prefill", .rows = rows, .sections = {}};
  NNTUNE_ASSIGN(graph::Section embed, build_embed(config, weight_dtype, rows));
  NNTUNE_ASSIGN(graph::Section body, build_body(config, weight_dtype, rows));
  NNTUNE_ASSIGN(graph::Section head, build_head(config, weight_dtype));
  phase.sections = {std::move(embed), std::move(body), std::move(head)};
  return phase;
}

}  // namespace nntune::import
