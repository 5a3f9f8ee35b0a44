#include "compiler/import/config.h"

#include <fmt/format.h>

#include <cmath>

namespace nntune::import {
namespace {

/// Fields of one JSON object; errors name the field and the file.
class Fields {
 public:
  Fields(const Json& json, std::string_view origin) : json_(json), origin_(origin) {}

  /// A required whole number in [low, high]; 5.0 counts as 5.
  [[nodiscard]] Expected<std::int64_t> integer(const char* field, std::int64_t low, std::int64_t high) const {
    NNTUNE_ASSIGN(const double value, number(field));
    if (value != std::floor(value)) return bad(field, "must be a whole number");
    if (value < static_cast<double>(low) || value > static_cast<double>(high)) {
      return bad(field, fmt::format("must be {} to {}", low, high));
    }
    return static_cast<std::int64_t>(value);
  }

  [[nodiscard]] Expected<double> number(const char* field) const {
    const Json* value = find(field);
    if (value == nullptr) return fail(ErrorKind::bad_input, fmt::format("{} has no field \"{}\"", origin_, field), kHint);
    if (!value->is_number()) return bad(field, "must be a number");
    return value->get<double>();
  }

  [[nodiscard]] Expected<bool> boolean(const char* field, bool otherwise) const {
    const Json* value = find(field);
    if (value == nullptr) return otherwise;
    if (!value->is_boolean()) return bad(field, "must be true or false");
    return value->get<bool>();
  }

  [[nodiscard]] Expected<std::string> string(const char* field, const char* otherwise) const {
    const Json* value = find(field);
    if (value == nullptr) return std::string(otherwise);
    if (!value->is_string()) return bad(field, "must be a string");
    return value->get<std::string>();
  }

  /// nullptr if the field is absent or null.
  [[nodiscard]] const Json* find(const char* field) const {
    const auto found = json_.find(field);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }

  [[nodiscard]] tl::unexpected<Error> bad(const char* field, std::string_view why) const {
    return fail(ErrorKind::bad_input, fmt::format("{}: \"{}\" is {}, {}", origin_, field, shown(field), why), kHint);
  }

  [[nodiscard]] tl::unexpected<Error> unsupported(const char* field) const {
    return fail(
        ErrorKind::unsupported,
        fmt::format("{}: \"{}\" is {}, which changes the mathematics and is not implemented", origin_, field, shown(field)),
        "use a model without it");
  }

 private:
  static constexpr const char* kHint = "take the config.json that belongs to the model";

  /// The value, cut to what fits a line. Lists and objects are only named: they may be nested without end, and dump()
  /// recurses. Invalid UTF-8 is replaced.
  [[nodiscard]] std::string shown(const char* field) const {
    const Json& value = json_.at(field);
    if (value.is_structured()) return value.is_array() ? "a list" : "an object";
    const std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
    return text.size() <= 60 ? text : text.substr(0, 57) + "...";
  }

  const Json& json_;
  std::string_view origin_;
};

Status check_architecture(const Fields& fields, std::string_view origin) {
  const auto refuse = [&](const std::string& name) {
    const bool moe = name.find("moe") != std::string::npos || name.find("Moe") != std::string::npos;
    return fail(ErrorKind::unsupported,
                fmt::format("{} describes \"{}\"{}", origin, name, moe ? ", a mixture of experts" : ""),
                "only dense Qwen3 models (\"Qwen3ForCausalLM\") are supported");
  };
  NNTUNE_ASSIGN(const std::string model_type, fields.string("model_type", ""));
  const Json* architectures = fields.find("architectures");
  if (model_type.empty() && architectures == nullptr) {
    return fail(ErrorKind::bad_input, fmt::format("{} has no field \"model_type\"", origin),
                "take the config.json that belongs to the model");
  }
  if (!model_type.empty() && model_type != "qwen3") return refuse(model_type);
  if (architectures == nullptr) return {};
  if (!architectures->is_array() || architectures->empty() || !architectures->front().is_string()) {
    return fields.bad("architectures", "must be a list of names");
  }
  const auto architecture = architectures->front().get<std::string>();
  if (architecture != "Qwen3ForCausalLM") return refuse(architecture);
  return {};
}

/// Refuses what would silently give other results.
Status check_mathematics(const Fields& fields) {
  for (const char* field : {"quantization_config", "compression_config", "rope_scaling"}) {
    if (fields.find(field) != nullptr) return fields.unsupported(field);
  }
  for (const char* field : {"use_sliding_window", "attention_bias", "mlp_bias"}) {
    NNTUNE_ASSIGN(const bool used, fields.boolean(field, false));
    if (used) return fields.unsupported(field);
  }
  NNTUNE_ASSIGN(const std::string activation, fields.string("hidden_act", "silu"));
  if (activation != "silu") return fields.unsupported("hidden_act");
  if (fields.find("num_experts") != nullptr) {
    NNTUNE_ASSIGN(const double experts, fields.number("num_experts"));
    if (experts != 0) return fields.unsupported("num_experts");
  }
  if (fields.find("partial_rotary_factor") != nullptr) {
    NNTUNE_ASSIGN(const double factor, fields.number("partial_rotary_factor"));
    if (factor != 1) return fields.unsupported("partial_rotary_factor");
  }
  if (const Json* types = fields.find("layer_types"); types != nullptr) {
    if (!types->is_array()) return fields.bad("layer_types", "must be a list");
    for (const Json& type : *types) {
      if (type != "full_attention") return fields.unsupported("layer_types");
    }
  }
  return {};
}

/// "rope_theta", or "rope_parameters": {"rope_theta", "rope_type"} as transformers 5 writes it.
Expected<double> read_rope_theta(const Fields& fields, std::string_view origin) {
  double theta = 0;
  if (const Json* parameters = fields.find("rope_parameters"); parameters != nullptr) {
    if (!parameters->is_object()) return fields.bad("rope_parameters", "must be an object");
    const std::string inner = fmt::format("\"rope_parameters\" of {}", origin);
    const Fields rope(*parameters, inner);
    NNTUNE_ASSIGN(const std::string type, rope.string("rope_type", "default"));
    if (type != "default") return fields.unsupported("rope_parameters");
    NNTUNE_ASSIGN(theta, rope.number("rope_theta"));
    if (!(theta > 1 && theta < 1e12)) return rope.bad("rope_theta", "must be between 1 and 1e12");
    return theta;
  }
  NNTUNE_ASSIGN(theta, fields.number("rope_theta"));
  if (!(theta > 1 && theta < 1e12)) return fields.bad("rope_theta", "must be between 1 and 1e12");
  return theta;
}

}  // namespace

Expected<ModelConfig> parse_config(const Json& json, std::string_view origin) {
  if (!json.is_object()) {
    return fail(ErrorKind::bad_input, fmt::format("{} is not a JSON object", origin),
                "take the config.json that belongs to the model");
  }
  const Fields fields(json, origin);
  NNTUNE_TRY(check_architecture(fields, origin));
  NNTUNE_TRY(check_mathematics(fields));
  ModelConfig config;
  NNTUNE_ASSIGN(config.hidden, fields.integer("hidden_size", 1, 1 << 16));
  NNTUNE_ASSIGN(config.layers, fields.integer("num_hidden_layers", 1, 1024));
  NNTUNE_ASSIGN(config.heads, fields.integer("num_attention_heads", 1, 1024));
  NNTUNE_ASSIGN(config.kv_heads, fields.integer("num_key_value_heads", 1, 1024));
  NNTUNE_ASSIGN(config.head_dim, fields.integer("head_dim", 2, 1024));
  NNTUNE_ASSIGN(config.intermediate, fields.integer("intermediate_size", 1, 1 << 20));
  NNTUNE_ASSIGN(config.vocab, fields.integer("vocab_size", 1, 1 << 22));
  NNTUNE_ASSIGN(config.max_positions, fields.integer("max_position_embeddings", 1, 1 << 24));
  NNTUNE_ASSIGN(config.rms_eps, fields.number("rms_norm_eps"));
  NNTUNE_ASSIGN(config.rope_theta, read_rope_theta(fields, origin));
  NNTUNE_ASSIGN(config.tied, fields.boolean("tie_word_embeddings", false));
  if (config.head_dim % 2 != 0) return fields.bad("head_dim", "must be even");
  if (config.heads % config.kv_heads != 0) {
    return fields.bad("num_attention_heads", fmt::format("must be a multiple of num_key_value_heads, {}", config.kv_heads));
  }
  if (!(config.rms_eps > 0 && config.rms_eps < 1)) return fields.bad("rms_norm_eps", "must be between 0 and 1");
  return config;
}

std::vector<WeightSpec> weight_specs(const ModelConfig& config) {
  const std::int64_t queries = config.heads * config.head_dim;
  const std::int64_t keys = config.kv_heads * config.head_dim;
  std::vector<WeightSpec> specs = {
      {"embed_tokens", {config.vocab, config.hidden}},
      {"layers.*.input_norm", {config.hidden}},
      {"layers.*.q_proj", {queries, config.hidden}},
      {"layers.*.k_proj", {keys, config.hidden}},
      {"layers.*.v_proj", {keys, config.hidden}},
      {"layers.*.q_norm", {config.head_dim}},
      {"layers.*.k_norm", {config.head_dim}},
      {"layers.*.o_proj", {config.hidden, queries}},
      {"layers.*.post_attention_norm", {config.hidden}},
      {"layers.*.gate_proj", {config.intermediate, config.hidden}},
      {"layers.*.up_proj", {config.intermediate, config.hidden}},
      {"layers.*.down_proj", {config.hidden, config.intermediate}},
      {"final_norm", {config.hidden}},
  };
  if (!config.tied) specs.push_back({"lm_head", {config.vocab, config.hidden}});
  return specs;
}

std::int64_t parameter_count(const ModelConfig& config) {
  std::int64_t count = 0;
  for (const WeightSpec& spec : weight_specs(config)) {
    count += spec.rows() * spec.columns() * (spec.per_layer() ? config.layers : 1);
  }
  return count;
}

std::vector<float> rope_table(const ModelConfig& config, std::int64_t positions) {
  const std::int64_t half = config.head_dim / 2;
  std::vector<float> table(static_cast<std::size_t>(positions * config.head_dim));
  for (std::int64_t i = 0; i < half; ++i) {
    const double frequency =
        std::pow(config.rope_theta, -2.0 * static_cast<double>(i) / static_cast<double>(config.head_dim));
    for (std::int64_t p = 0; p < positions; ++p) {
      float* row = table.data() + p * config.head_dim;
      row[i] = static_cast<float>(std::cos(static_cast<double>(p) * frequency));
      row[half + i] = static_cast<float>(std::sin(static_cast<double>(p) * frequency));
    }
  }
  return table;
}

}  // namespace nntune::import
