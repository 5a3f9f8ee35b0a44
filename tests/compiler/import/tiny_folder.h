/// A small, valid model folder that tests can damage.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "compiler/import/weights.h"

namespace nntune::import {

/// A folder that goes away with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nntune_test_XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  void write(const std::string& file, const std::string& content) const {
    std::ofstream(path_ / file, std::ios::binary) << content;
  }

 private:
  std::filesystem::path path_;
};

struct TensorData {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::string bytes;
};
using TensorMap = std::map<std::string, TensorData>;

/// The bytes of a safetensors file with this header.
inline std::string safetensors_bytes(const std::string& header, const std::string& data) {
  std::string out(8, '\0');
  const std::uint64_t size = header.size();
  std::memcpy(out.data(), &size, 8);
  return out + header + data;
}

inline std::string safetensors_bytes(const TensorMap& tensors) {
  Json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    header[name] = {{"dtype", tensor.dtype},
                    {"shape", tensor.shape},
                    {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  return safetensors_bytes(header.dump(), data);
}

inline Json tiny_config() {
  return Json::parse(R"({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "head_dim": 4, "hidden_act": "silu",
    "hidden_size": 6, "intermediate_size": 10, "max_position_embeddings": 64, "num_attention_heads": 4, "num_hidden_layers": 2,
    "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 10000.0, "tie_word_embeddings": false, "vocab_size": 11,
    "eos_token_id": 3})");
}

/// All tensors of tiny_config() as F32; element i of a tensor is i + 1, so that every value tells where it is from.
inline TensorMap tiny_tensors() {
  TensorMap tensors;
  const ModelConfig config = parse_config(tiny_config(), "config.json").value();
  for (const WeightSpec& spec : weight_list(config).tensors) {
    for (std::int64_t layer = 0; layer < (spec.per_layer() ? config.layers : 1); ++layer) {
      std::vector<float> values(static_cast<std::size_t>(spec.rows() * spec.columns()));
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<float>(i + 1) + static_cast<float>(layer) * 1000;
      std::string bytes(values.size() * sizeof(float), '\0');
      std::memcpy(bytes.data(), values.data(), bytes.size());
      tensors[spec.stored_name(layer)] = {"F32", spec.shape, bytes};
    }
  }
  return tensors;
}

inline void write_tiny_model(const TemporaryFolder& folder) {
  folder.write("config.json", tiny_config().dump());
  folder.write("model.safetensors", safetensors_bytes(tiny_tensors()));
}

}  // namespace nntune::import
