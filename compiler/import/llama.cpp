// Llama 3.x and what has its architecture: no norms of q and k, no biases; Llama 3.1 and later slow the rotation of the low
// frequencies down (arXiv:2407.21783).
#include "compiler/import/dense.h"
#include "compiler/import/family.h"
#include "compiler/import/layer_builder.h"

namespace nntune::import {
namespace {

using graph::NodeId;

Expected<ModelConfig> read(const ConfigFields& fields) { return read_dense_config(fields, HeadDim::or_hidden); }

WeightList weights(const ModelConfig& config) { return dense_weights(config, {}); }

NodeId layer(LayerBuilder& b, NodeId x) {
  const NodeId h = b.norm(x, "layers.*.input_norm");
  const NodeId q = b.rope(b.matmul(h, "layers.*.q_proj"));
  const NodeId k = b.rope(b.matmul(h, "layers.*.k_proj"));
  const NodeId v = b.matmul(h, "layers.*.v_proj");
  const NodeId attended = b.sum(x, b.matmul(b.attention(q, k, v), "layers.*.o_proj"));
  const NodeId m = b.norm(attended, "layers.*.post_attention_norm");
  return b.sum(attended, b.gated_mlp(m, "layers.*.gate_proj", "layers.*.up_proj", "layers.*.down_proj"));
}

/// What differs between the sizes; config.json of the Hugging Face repositories meta-llama/Llama-3.*.
ModelConfig size(std::int64_t hidden, std::int64_t layers, std::int64_t heads, std::int64_t head_dim,
                 std::int64_t intermediate, double rope_factor, bool tied) {
  const Llama3Scaling scaling{
      .factor = rope_factor, .low_freq_factor = 1, .high_freq_factor = 4, .original_positions = 8192};
  return {.hidden = hidden,
          .layers = layers,
          .heads = heads,
          .kv_heads = 8,
          .head_dim = head_dim,
          .intermediate = intermediate,
          .vocab = 128256,
          .max_positions = 131072,
          .rms_eps = 1e-5,
          .rope = llama3_rope(5e5, head_dim, scaling),
          .tied = tied};
}

std::vector<BuiltinModel> sizes() {
  return {
      {"llama-3.2-1b", size(2048, 16, 32, 64, 8192, 32, true)},
      {"llama-3.2-3b", size(3072, 28, 24, 128, 8192, 32, true)},
      {"llama-3.1-8b", size(4096, 32, 32, 128, 14336, 8, false)},
  };
}

}  // namespace

extern const ModelFamily kLlama;
const ModelFamily kLlama = {.model_type = "llama",
                            .architecture = "LlamaForCausalLM",
                            .title = "Llama",
                            .read = read,
                            .weights = weights,
                            .layer = layer,
                            .sizes = sizes};

}  // namespace nntune::import
