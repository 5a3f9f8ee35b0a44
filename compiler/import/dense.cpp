#include "compiler/import/dense.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/json.h"

namespace nntune::import {
namespace {

Status check_mathematics(const ConfigFields& fields) {
  for (const char* field : {"quantization_config", "compression_config"}) {
    if (fields.find(field) != nullptr) return fields.unsupported(field);
  }
  // Qwen2 writes "sliding_window" and "max_window_layers" also where "use_sliding_window" is false.
  for (const char* field : {"use_sliding_window", "use_mrope", "attention_bias", "mlp_bias"}) {
    NNTUNE_ASSIGN(const bool used, fields.boolean(field, false));
    if (used) return fields.unsupported(field);
  }
  NNTUNE_ASSIGN(const std::string activation, fields.string("hidden_act", "silu"));
  if (activation != "silu") return fields.unsupported("hidden_act");
  if (fields.find("num_experts") != nullptr) {
    NNTUNE_ASSIGN(const double experts, fields.number("num_experts"));
    if (experts != 0) return fields.unsupported("num_experts");
  }
  if (const Json* types = fields.find("layer_types"); types != nullptr) {
    if (!types->is_array()) return fields.bad("layer_types", "must be a list");
    for (const Json& type : *types) {
      if (type != "full_attention") return fields.unsupported("layer_types");
    }
  }
  return {};
}

Expected<std::int64_t> read_head_dim(const ConfigFields& fields, HeadDim head_dim, std::int64_t hidden, std::int64_t heads) {
  std::int64_t size = hidden / heads;
  const bool given = fields.find("head_dim") != nullptr;
  if (given || head_dim == HeadDim::required) {
    NNTUNE_ASSIGN(size, fields.integer("head_dim", 2, 1024));
  } else if (size * heads != hidden) {
    return fields.bad("hidden_size", fmt::format("must be a multiple of num_attention_heads, {}, without head_dim", heads));
  }
  if (size % 2 != 0 || size < 2) {
    return fields.bad(given ? "head_dim" : "hidden_size", given ? "must be even" : "must give an even width of the heads");
  }
  return size;
}

}  // namespace

Expected<ModelConfig> read_dense_config(const ConfigFields& fields, HeadDim head_dim) {
  NNTUNE_TRY(check_mathematics(fields));
  ModelConfig config;
  NNTUNE_ASSIGN(config.hidden, fields.integer("hidden_size", 1, 1 << 16));
  NNTUNE_ASSIGN(config.layers, fields.integer("num_hidden_layers", 1, 1024));
  NNTUNE_ASSIGN(config.heads, fields.integer("num_attention_heads", 1, 1024));
  NNTUNE_ASSIGN(config.kv_heads, fields.integer("num_key_value_heads", 1, 1024));
  NNTUNE_ASSIGN(config.head_dim, read_head_dim(fields, head_dim, config.hidden, config.heads));
  NNTUNE_ASSIGN(config.intermediate, fields.integer("intermediate_size", 1, 1 << 20));
  NNTUNE_ASSIGN(config.vocab, fields.integer("vocab_size", 1, 1 << 22));
  NNTUNE_ASSIGN(config.max_positions, fields.integer("max_position_embeddings", 1, 1 << 24));
  NNTUNE_ASSIGN(config.rms_eps, fields.number("rms_norm_eps"));
  NNTUNE_ASSIGN(config.rope, read_rope(fields, config.head_dim));
  NNTUNE_ASSIGN(config.tied, fields.boolean("tie_word_embeddings", false));
  if (config.heads % config.kv_heads != 0) {
    return fields.bad("num_attention_heads", fmt::format("must be a multiple of num_key_value_heads, {}", config.kv_heads));
  }
  if (!(config.rms_eps > 0 && config.rms_eps < 1)) return fields.bad("rms_norm_eps", "must be between 0 and 1");
  return config;
}

WeightList dense_weights(const ModelConfig& c, std::vector<WeightSpec> attention) {
  const std::int64_t queries = c.heads * c.head_dim;
  const std::int64_t keys = c.kv_heads * c.head_dim;
  using enum WeightRole;
  WeightList list;
  list.tensors = {
      {"embed_tokens", "model.embed_tokens.weight", {c.vocab, c.hidden}, matrix},
      {"layers.*.input_norm", "model.layers.*.input_layernorm.weight", {c.hidden}, norm},
      {"layers.*.q_proj", "model.layers.*.self_attn.q_proj.weight", {queries, c.hidden}, matrix},
      {"layers.*.k_proj", "model.layers.*.self_attn.k_proj.weight", {keys, c.hidden}, matrix},
      {"layers.*.v_proj", "model.layers.*.self_attn.v_proj.weight", {keys, c.hidden}, matrix},
      {"layers.*.o_proj", "model.layers.*.self_attn.o_proj.weight", {c.hidden, queries}, matrix},
      {"layers.*.post_attention_norm", "model.layers.*.post_attention_layernorm.weight", {c.hidden}, norm},
      {"layers.*.gate_proj", "model.layers.*.mlp.gate_proj.weight", {c.intermediate, c.hidden}, matrix},
      {"layers.*.up_proj", "model.layers.*.mlp.up_proj.weight", {c.intermediate, c.hidden}, matrix},
      {"layers.*.down_proj", "model.layers.*.mlp.down_proj.weight", {c.hidden, c.intermediate}, matrix},
      {"final_norm", "model.norm.weight", {c.hidden}, norm},
  };
  const auto behind = std::ranges::find(list.tensors, "layers.*.o_proj", &WeightSpec::name);
  list.tensors.insert(behind, std::make_move_iterator(attention.begin()), std::make_move_iterator(attention.end()));
  list.unread_endings = {"rotary_emb.inv_freq"};
  if (c.tied) {
    list.unread.emplace_back("lm_head.weight");
  } else {
    list.tensors.push_back({"lm_head", "lm_head.weight", {c.vocab, c.hidden}, matrix});
  }
  return list;
}

}  // namespace nntune::import
