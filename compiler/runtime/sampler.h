/// Chooses the next token from the logits of the last position.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "compiler/runtime/random.h"

namespace nntune::runtime {

struct SamplerOptions {
  double temperature = 0;  ///< >= 0; 0 is greedy, and the other options then change nothing
  int top_k = 0;           ///< only the k largest logits; 0: all
  double top_p = 1;        ///< of those, the fewest whose probabilities sum up to p; 0 < p <= 1
  std::uint64_t seed = 0;
};

/// Greedy, or a draw from softmax(logits / temperature) cut by top-k and then by top-p, renormalized after each, as Hugging
/// Face's generate does. Equal logits are ranked by index, the lowest first. The same options and logits give the
/// same tokens on every machine, up to the last bit of its exp().
class Sampler {
 public:
  /// ErrorKind::usage for an option outside its range.
  [[nodiscard]] static Expected<Sampler> create(const SamplerOptions& options);

  /// \param logits  [vocabulary], not empty; -inf and NaN are never chosen, +inf always is
  /// \return an index into `logits`; 0 if there is nothing to choose
  [[nodiscard]] int sample(std::span<const float> logits);

 private:
  struct Candidate {
    float logit;
    int token;
    double weight;  ///< probability up to a common factor
  };
  explicit Sampler(const SamplerOptions& options) : options_(options), random_(options.seed) {}
  static bool likelier(const Candidate& a, const Candidate& b);
  void keep_top_k();
  void keep_top_p();
  [[nodiscard]] int draw();

  SamplerOptions options_;
  SplitMix64 random_;
  std::vector<Candidate> candidates_;  ///< kept between calls for its memory
};

}  // namespace nntune::runtime
