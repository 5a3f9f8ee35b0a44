/// make_random_weights of weights.h.
#include <fmt/format.h>

#include "base/bf16.h"
#include "base/hash.h"
#include "compiler/import/weights.h"

namespace nntune::import {
namespace {

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15U;

/// The finaliser of SplitMix64 (Steele et al., OOPSLA 2014): every counter gives an independent number.
constexpr std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

/// The sum of four bytes less its mean: bell-shaped, standard deviation sqrt((256^2 - 1) / 3) = 147.8.
constexpr float bell(std::uint32_t bits) {
  const std::uint32_t pairs = (bits & 0x00FF00FFU) + ((bits >> 8) & 0x00FF00FFU);
  return static_cast<float>(static_cast<std::int32_t>((pairs & 0xFFFFU) + (pairs >> 16)) - 510);
}
constexpr float kBellDeviation = 147.80054F;

class RandomWeights final : public WeightSource {
 public:
  RandomWeights(const ModelConfig& config, std::uint64_t seed) : WeightSource(config), seed_(seed) {}

  [[nodiscard]] Status check_shapes() const override { return {}; }
  [[nodiscard]] Status validate() const override { return {}; }
  [[nodiscard]] std::string description() const override { return fmt::format("random weights, seed {}", seed_); }
  [[nodiscard]] bool random() const override { return true; }

 protected:
  /// Each row has a key of its own and each pair of columns a counter, so any row can be made alone.
  void copy_rows(const WeightSpec& spec, std::int64_t layer, std::int64_t first, std::int64_t count,
                 float* out) const override {
    const float mean = spec.role == WeightRole::norm ? 1.0F : 0.0F;
    const float scale = (spec.role == WeightRole::matrix ? 0.02F : 0.1F) / kBellDeviation;
    const std::uint64_t layer_key = spec.per_layer() ? static_cast<std::uint64_t>(layer) + 1 : 0;
    const std::uint64_t tensor_key = mix(mix(seed_ + kGolden) ^ hash128(spec.name).low ^ mix(layer_key * kGolden));
    const std::int64_t columns = spec.columns();
    for (std::int64_t row = first; row < first + count; ++row) {
      const std::uint64_t row_key = mix(tensor_key + static_cast<std::uint64_t>(row) * kGolden);
      std::int64_t c = 0;
      for (; c + 2 <= columns; c += 2) {
        const std::uint64_t bits = mix(row_key + static_cast<std::uint64_t>(c) * kGolden);
        out[c] = round_to_bf16(mean + scale * bell(static_cast<std::uint32_t>(bits)));
        out[c + 1] = round_to_bf16(mean + scale * bell(static_cast<std::uint32_t>(bits >> 32)));
      }
      if (c < columns) {
        const std::uint64_t bits = mix(row_key + static_cast<std::uint64_t>(c) * kGolden);
        out[c] = round_to_bf16(mean + scale * bell(static_cast<std::uint32_t>(bits)));
      }
      out += columns;
    }
  }

 private:
  std::uint64_t seed_;
};

}  // namespace

std::shared_ptr<const WeightSource> make_random_weights(const ModelConfig& config, std::uint64_t seed) {
  return std::make_shared<RandomWeights>(config, seed);
}

}  // namespace nntune::import
