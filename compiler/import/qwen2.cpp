// Qwen2 and Qwen2.5, dense: biases of the projections to q, k and v (arXiv:2407.10671, arXiv:2412.15115).
#include "compiler/import/dense.h"
#include "compiler/import/family.h"
#include "compiler/import/layer_builder.h"

namespace nntune::import {
namespace {

using graph::NodeId;

Expected<ModelConfig> read(const ConfigFields& fields) { return read_dense_config(fields, HeadDim::or_hidden); }

WeightList weights(const ModelConfig& c) {
  const std::int64_t queries = c.heads * c.head_dim;
  const std::int64_t keys = c.kv_heads * c.head_dim;
  return dense_weights(c, {{"layers.*.q_bias", "model.layers.*.self_attn.q_proj.bias", {queries}, WeightRole::bias},
                           {"layers.*.k_bias", "model.layers.*.self_attn.k_proj.bias", {keys}, WeightRole::bias},
                           {"layers.*.v_bias", "model.layers.*.self_attn.v_proj.bias", {keys}, WeightRole::bias}});
}

NodeId layer(LayerBuilder& b, NodeId x) {
  const NodeId h = b.norm(x, "layers.*.input_norm");
  const NodeId q = b.rope(b.bias(b.matmul(h, "layers.*.q_proj"), "layers.*.q_bias"));
  const NodeId k = b.rope(b.bias(b.matmul(h, "layers.*.k_proj"), "layers.*.k_bias"));
  const NodeId v = b.bias(b.matmul(h, "layers.*.v_proj"), "layers.*.v_bias");
  const NodeId attended = b.sum(x, b.matmul(b.attention(q, k, v), "layers.*.o_proj"));
  const NodeId m = b.norm(attended, "layers.*.post_attention_norm");
  return b.sum(attended, b.gated_mlp(m, "layers.*.gate_proj", "layers.*.up_proj", "layers.*.down_proj"));
}

/// What differs between the sizes; config.json of the Hugging Face repositories Qwen/Qwen2.5-*-Instruct.
ModelConfig size(std::int64_t hidden, std::int64_t layers, std::int64_t heads, std::int64_t kv_heads,
                 std::int64_t intermediate, std::int64_t vocab, bool tied) {
  const std::int64_t head_dim = hidden / heads;
  return {.hidden = hidden,
          .layers = layers,
          .heads = heads,
          .kv_heads = kv_heads,
          .head_dim = head_dim,
          .intermediate = intermediate,
          .vocab = vocab,
          .max_positions = 32768,
          .rms_eps = 1e-6,
          .rope = plain_rope(1e6, head_dim),
          .tied = tied};
}

std::vector<BuiltinModel> sizes() {
  return {
      {"qwen2.5-0.5b", size(896, 24, 14, 2, 4864, 151936, true)},
      {"qwen2.5-1.5b", size(1536, 28, 12, 2, 8960, 151936, true)},
      {"qwen2.5-3b", size(2048, 36, 16, 2, 11008, 151936, true)},
      {"qwen2.5-7b", size(3584, 28, 28, 4, 18944, 152064, false)},
      {"qwen2.5-14b", size(5120, 48, 40, 8, 13824, 152064, false)},
      {"qwen2.5-32b", size(5120, 64, 40, 8, 27648, 152064, false)},
  };
}

}  // namespace

extern const ModelFamily kQwen2;
const ModelFamily kQwen2 = {.model_type = "qwen2",
                            .architecture = "Qwen2ForCausalLM",
                            .title = "Qwen2",
                            .read = read,
                            .weights = weights,
                            .layer = layer,
                            .sizes = sizes};

}  // namespace nntune::import
