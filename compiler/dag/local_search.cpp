#include "compiler/dag/local_search.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>

#include "compiler/dag/incumbent.h"

namespace nntune::dag {

namespace {

/// Prices that put `rate` on each byte.
std::vector<double> with_bytes(const ExtractionInstance& instance, double rate) {
  std::vector<double> price = instance.cost;
  for (std::size_t n = 0; n < price.size() && !instance.bytes.empty(); ++n) price[n] += rate * instance.bytes[n];
  return price;
}

class Search {
 public:
  Search(const ExtractionInstance& instance, const SearchOptions& options)
      : instance_(instance), options_(options), greedy_(instance), random_(options.seed) {}

  Choice run(const Choice& start);

 private:
  [[nodiscard]] double uniform() { return static_cast<double>(random_() >> 11) * 0x1.0p-53; }
  [[nodiscard]] std::uint32_t below(std::size_t count) {
    return static_cast<std::uint32_t>(uniform() * static_cast<double>(count));
  }

  [[nodiscard]] bool done() const {
    return options_.stop() || (best_.feasible() && !cheaper(options_.lower_bound, best_.cost));
  }
  /// Improves `choice` and takes it if it is at least as good as the incumbent.
  bool consider(Choice choice);
  [[nodiscard]] std::vector<double> changed_prices();

  const ExtractionInstance& instance_;
  const SearchOptions& options_;
  Greedy greedy_;
  std::mt19937_64 random_;
  double rate_ = 0;  ///< price of a byte
  std::optional<Incumbent> current_;
  Choice best_choice_;
  Value best_;
};

bool Search::consider(Choice choice) {
  const Value value = evaluate(instance_, choice);
  if (!value.complete()) return false;
  const Value now = current_ ? current_->value() : Value();
  // What starts much worse seldom ends better, and improving takes the most time.
  if (now.feasible() && value.feasible() && value.cost > 1.1 * now.cost) return false;
  Incumbent next(instance_, std::move(choice));
  next.complete(greedy_);
  while (!options_.stop()) {
    bool improved = next.improve(options_.stop);
    // Sharing takes longest, and pays for what is promising.
    if (!improved && (!current_ || better(next.value(), now))) improved = next.share(greedy_, options_.stop);
    if (!improved) break;
    next.complete(greedy_);
  }
  if (better(next.value(), best_)) {
    best_ = next.value();
    best_choice_ = next.choice();
  }
  if (current_ && better(now, next.value())) return false;
  current_ = std::move(next);
  return true;
}

std::vector<double> Search::changed_prices() {
  std::vector<double> price = with_bytes(instance_, rate_);
  const auto classes = static_cast<std::uint32_t>(instance_.class_count());
  const auto scale_class = [&](std::uint32_t c, double factor) {
    for (std::uint32_t n = instance_.class_begin[c]; n < instance_.class_begin[c + 1]; ++n) price[n] *= factor;
  };
  const std::uint32_t strategy = below(4);
  if (strategy == 0) {  // noise on everything
    const double size = 0.5 * uniform();
    for (std::uint32_t c = 0; c < classes; ++c) scale_class(c, 1 + size * (2 * uniform() - 1));
    return price;
  }
  if (strategy == 1 || strategy == 2) {  // what is used is nearly paid for, but for a part that has to go
    const double keep = strategy == 1 ? 0 : uniform();
    for (std::uint32_t c = 0; c < classes; ++c) {
      if (current_->used(c)) price[current_->choice()[c]] *= keep;
    }
    const std::size_t count = 1 + below(1 + std::min<std::size_t>(classes / 4, 20));
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t c = below(classes);
      const std::uint32_t n = current_->choice()[c];
      if (n == kNone) continue;
      if (current_->used(c)) {
        price[n] = (instance_.cost[n] + rate_ * instance_.bytes_of(n)) * (1 + 2 * uniform());
      } else {
        scale_class(c, 0);
      }
    }
    return price;
  }
  // Some classes are free: who would share them?
  const double chance = std::pow(0.5, 1 + 8 * uniform());
  for (std::uint32_t c = 0; c < classes; ++c) {
    if (uniform() < chance) scale_class(c, uniform() < 0.5 ? 0 : uniform());
  }
  return price;
}

Choice Search::run(const Choice& start) {
  consider(greedy_start(instance_, greedy_));
  consider(start);
  consider(greedy_.run(instance_.cost, Greedy::Sharing::tree));
  if (!current_) return start;
  std::int64_t last = 0;  // round that found the best
  for (std::int64_t round = 0; round < std::min(options_.rounds, 3 * last + options_.patience) && !done(); ++round) {
    const double before = best_.cost;
    rate_ = instance_.limited() && best_.cost > 0 ? uniform() * uniform() * best_.cost / std::max(1.0, best_.bytes) : 0;
    consider(greedy_.run(changed_prices(), Greedy::Sharing::dag));
    if (best_.cost != before) last = round;
  }
  return best_choice_;
}

}  // namespace

Choice greedy_start(const ExtractionInstance& instance, Greedy& greedy) {
  Choice best;
  Value best_value;
  const auto consider = [&](Choice choice) {
    const Value value = evaluate(instance, choice);
    if (best.empty() || better(value, best_value)) {
      best = std::move(choice);
      best_value = value;
    }
    return value;
  };
  consider(greedy.run(instance.cost, Greedy::Sharing::dag));
  consider(greedy.run(instance.cost, Greedy::Sharing::tree));
  if (!instance.limited() || best_value.feasible() || !best_value.complete()) return best;
  // The lowest price of a byte at which the result fits; bytes alone if there is none.
  double low = 0;
  double high = best_value.cost > 0 && best_value.bytes > 0 ? best_value.cost / best_value.bytes : 1;
  constexpr int kDoublings = 40;
  for (int i = 0; i < kDoublings; ++i) {
    if (consider(greedy.run(with_bytes(instance, high), Greedy::Sharing::dag)).feasible()) break;
    low = high;
    high *= 2;
  }
  consider(greedy.run(instance.bytes, Greedy::Sharing::dag));
  constexpr int kHalvings = 20;
  for (int i = 0; i < kHalvings && best_value.feasible(); ++i) {
    const double middle = (low + high) / 2;
    (consider(greedy.run(with_bytes(instance, middle), Greedy::Sharing::dag)).feasible() ? high : low) = middle;
  }
  return best;
}

Choice local_search(const ExtractionInstance& instance, const Choice& start, const SearchOptions& options) {
  return Search(instance, options).run(start);
}

}  // namespace nntune::dag
