#include "compiler/runtime/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace nntune::runtime {
namespace {

/// Index of the largest logit, the lowest of equal ones; 0 if all are NaN or -inf.
int largest(std::span<const float> logits) {
  int best = 0;
  float best_logit = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > best_logit) {
      best_logit = logits[i];
      best = static_cast<int>(i);
    }
  }
  return best;
}

}  // namespace

Expected<Sampler> Sampler::create(const SamplerOptions& options) {
  if (!std::isfinite(options.temperature) || options.temperature < 0) {
    return fail(ErrorKind::usage, fmt::format("the temperature is {}", options.temperature), "give a number of at least 0");
  }
  if (options.top_k < 0) {
    return fail(ErrorKind::usage, fmt::format("top-k is {}", options.top_k), "give a number of tokens, or 0 for all");
  }
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    return fail(ErrorKind::usage, fmt::format("top-p is {}", options.top_p), "give a probability above 0 and up to 1");
  }
  return Sampler(options);
}

int Sampler::sample(std::span<const float> logits) {
  assert(!logits.empty());
  const int best = largest(logits);
  const float best_logit = logits[static_cast<std::size_t>(best)];
  if (options_.temperature == 0 || !std::isfinite(best_logit)) return best;

  candidates_.clear();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > -std::numeric_limits<float>::infinity()) candidates_.push_back({logits[i], static_cast<int>(i), 0});
  }
  keep_top_k();
  for (Candidate& candidate : candidates_) {
    candidate.weight = std::exp((static_cast<double>(candidate.logit) - best_logit) / options_.temperature);
  }
  keep_top_p();
  return draw();
}

bool Sampler::likelier(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
}

void Sampler::keep_top_k() {
  const auto k = static_cast<std::size_t>(options_.top_k);
  if (k == 0 || k >= candidates_.size()) return;
  const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(k);
  std::partial_sort(candidates_.begin(), end, candidates_.end(), likelier);
  candidates_.erase(end, candidates_.end());
}

void Sampler::keep_top_p() {
  if (options_.top_p == 1) return;
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  // A heap instead of a sort: of 150,000 tokens only those that are kept come off, the likeliest first.
  const auto less_likely = [](const Candidate& a, const Candidate& b) { return likelier(b, a); };
  std::make_heap(candidates_.begin(), candidates_.end(), less_likely);
  auto heap_end = candidates_.end();
  for (double sum = 0; heap_end != candidates_.begin() && sum < options_.top_p * total;) {
    std::pop_heap(candidates_.begin(), heap_end, less_likely);
    sum += (--heap_end)->weight;
  }
  candidates_.erase(candidates_.begin(), heap_end);
  std::reverse(candidates_.begin(), candidates_.end());
}

int Sampler::draw() {
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  const double point = random_.next_uniform() * total;
  double sum = 0;
  int last = candidates_.front().token;
  for (const Candidate& candidate : candidates_) {
    if (candidate.weight > 0) last = candidate.token;
    sum += candidate.weight;
    if (sum > point) return last;
  }
  return last;  // rounding put the point at the very end
}

}  // namespace nntune::runtime
