// Qwen3, dense: RMSNorm of each head of q and k before they are rotated (arXiv:2505.09388).
#include "compiler/import/dense.h"
#include "compiler/import/family.h"
#include "compiler/import/layer_builder.h"

namespace nntune::import {
namespace {

using graph::NodeId;

Expected<ModelConfig> read(const ConfigFields& fields) { return read_dense_config(fields, HeadDim::required); }

WeightList weights(const ModelConfig& c) {
  return dense_weights(c, {{"layers.*.q_norm", "model.layers.*.self_attn.q_norm.weight", {c.head_dim}, WeightRole::norm},
                           {"layers.*.k_norm", "model.layers.*.self_attn.k_norm.weight", {c.head_dim}, WeightRole::norm}});
}

NodeId layer(LayerBuilder& b, NodeId x) {
  const NodeId h = b.norm(x, "layers.*.input_norm");
  const NodeId q = b.rope(b.head_norm(b.matmul(h, "layers.*.q_proj"), "layers.*.q_norm"));
  const NodeId k = b.rope(b.head_norm(b.matmul(h, "layers.*.k_proj"), "layers.*.k_norm"));
  const NodeId v = b.matmul(h, "layers.*.v_proj");
  const NodeId attended = b.sum(x, b.matmul(b.attention(q, k, v), "layers.*.o_proj"));
  const NodeId m = b.norm(attended, "layers.*.post_attention_norm");
  return b.sum(attended, b.gated_mlp(m, "layers.*.gate_proj", "layers.*.up_proj", "layers.*.down_proj"));
}

/// What differs between the sizes; config.json of the Hugging Face repositories Qwen/Qwen3-*.
ModelConfig size(std::int64_t hidden, std::int64_t layers, std::int64_t heads, std::int64_t intermediate, bool tied) {
  return {.hidden = hidden,
          .layers = layers,
          .heads = heads,
          .kv_heads = 8,
          .head_dim = 128,
          .intermediate = intermediate,
          .vocab = 151936,
          .max_positions = 40960,
          .rms_eps = 1e-6,
          .rope = plain_rope(1e6, 128),
          .tied = tied};
}

std::vector<BuiltinModel> sizes() {
  return {
      {"qwen3-0.6b", size(1024, 28, 16, 3072, true)},  {"qwen3-1.7b", size(2048, 28, 16, 6144, true)},
      {"qwen3-4b", size(2560, 36, 32, 9728, true)},    {"qwen3-8b", size(4096, 36, 32, 12288, false)},
      {"qwen3-14b", size(5120, 40, 40, 17408, false)}, {"qwen3-32b", size(5120, 64, 64, 25600, false)},
  };
}

}  // namespace

extern const ModelFamily kQwen3;
const ModelFamily kQwen3 = {.model_type = "qwen3",
                            .architecture = "Qwen3ForCausalLM",
                            .title = "dense Qwen3",
                            .read = read,
                            .weights = weights,
                            .layer = layer,
                            .sizes = sizes};

}  // namespace nntune::import
