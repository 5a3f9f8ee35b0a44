/// Where the weights of a model come from, under nntune's names, row by row so that packing streams.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "compiler/import/config.h"
#include "compiler/import/safetensors.h"
#include "compiler/import/weight_list.h"

namespace nntune::import {

/// All members are safe to call from several threads at once.
class WeightSource {
 public:
  explicit WeightSource(const ModelConfig& config) : config_(config), list_(weight_list(config)) {}
  virtual ~WeightSource() = default;
  WeightSource(const WeightSource&) = delete;
  WeightSource& operator=(const WeightSource&) = delete;

  [[nodiscard]] const ModelConfig& config() const { return config_; }
  [[nodiscard]] const WeightList& list() const { return list_; }
  /// bad_input if the model has no tensor of this name.
  [[nodiscard]] Expected<const WeightSpec*> spec(std::string_view name) const;

  /// Rows first .. first+count of tensor `name` (e.g. "layers.*.q_proj"; a vector is one row), dense, to `out`. `layer` is
  /// not read for tensors outside of the layers. The values are those of the model, exactly.
  [[nodiscard]] Status read_rows(std::string_view name, std::int64_t layer, std::int64_t first, std::int64_t count,
                                 float* out) const;
  /// A whole tensor.
  [[nodiscard]] Expected<std::vector<float>> read(std::string_view name, std::int64_t layer) const;

  /// Every tensor is there with the right shape and dtype; quick.
  [[nodiscard]] virtual Status check_shapes() const = 0;
  /// check_shapes(), and no value is NaN or infinite: reads everything, on all cores. Names the first bad element.
  [[nodiscard]] virtual Status validate() const = 0;
  /// For people, e.g. "random weights, seed 1" or a folder.
  [[nodiscard]] virtual std::string description() const = 0;
  /// Whether the weights mean nothing.
  [[nodiscard]] virtual bool random() const = 0;

 protected:
  /// The arguments are checked.
  virtual void copy_rows(const WeightSpec& spec, std::int64_t layer, std::int64_t first, std::int64_t count,
                         float* out) const = 0;

 private:
  Expected<const WeightSpec*> check(std::string_view name, std::int64_t layer, std::int64_t first, std::int64_t count) const;

  ModelConfig config_;
  WeightList list_;
};

/// The tensors of a Hugging Face folder in F32, BF16 or F16. Fails as check_shapes() does.
[[nodiscard]] Expected<std::shared_ptr<const WeightSource>> make_stored_weights(const ModelConfig& config,
                                                                                SafeTensors tensors,
                                                                                std::string description);

/// Weights that are a function of the seed, the name, the layer and the position alone: bell-shaped with standard deviation
/// 0.02, norms 1 with 0.1, biases 0 with 0.1; all representable in bf16.
[[nodiscard]] std::shared_ptr<const WeightSource> make_random_weights(const ModelConfig& config, std::uint64_t seed);

}  // namespace nntune::import
