#include "tuner/evolution.h"

#include "compiler/schedule/enumerate.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace nntune::tuner {
namespace {

/// Spaces up to this size are enumerated.
constexpr double kEnumerable = 8192;
/// Otherwise the first population is the best of so many drawn at random.
constexpr int kFirstDraws = 1024;
constexpr std::size_t kFirstPopulation = 32;
/// How many offspring compete by estimate for every other place; the estimate has no say in the rest, as it may be wrong.
constexpr int kCompetitors = 4;
/// Fractions of the proposals; the rest comes from crossing the elite.
constexpr double kRanked = 0.20;
constexpr double kRandom = 0.10;
constexpr double kMutated = 0.45;
constexpr int kFruitless = 200;  ///< draws without anything new before the space counts as exhausted

}  // namespace

Evolution::Evolution(schedule::Space space, Estimate estimate, std::uint64_t seed)
    : space_(std::move(space)), estimate_(std::move(estimate)), rng_(seed) {
  rank_first_population();
}

void Evolution::rank_first_population() {
  enumerated_ = space_.size() <= kEnumerable;
  if (enumerated_) {
    schedule::for_each_schedule(space_, [&](schedule::Schedule schedule) { ranked_.push_back(std::move(schedule)); });
  } else {
    for (int i = 0; i < kFirstDraws; ++i) {
      if (auto drawn = space_.random(rng_)) ranked_.push_back(std::move(*drawn));
    }
  }
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < ranked_.size(); ++i) order.emplace_back(estimate_(ranked_[i]), i);
  std::ranges::sort(order, std::greater<>());
  std::vector<schedule::Schedule> sorted;
  for (const auto& [seconds, i] : order) sorted.push_back(std::move(ranked_[i]));
  if (!enumerated_ && sorted.size() > kFirstPopulation) {
    sorted.erase(sorted.begin(), sorted.end() - static_cast<std::ptrdiff_t>(kFirstPopulation));
  }
  ranked_ = std::move(sorted);
}

void Evolution::record(const schedule::Schedule& schedule, double seconds) {
  seen_.insert(schedule.hash());
  std::erase_if(elite_, [&](const Individual& known) { return known.schedule == schedule; });  // measured again
  if (!std::isfinite(seconds)) return;
  const auto place = std::ranges::upper_bound(elite_, seconds, {}, &Individual::seconds);
  elite_.insert(place, {schedule, seconds});
  if (elite_.size() > kEliteSize) elite_.pop_back();
}

const Evolution::Individual& Evolution::pick_parent() {
  // The better of two: faster ones have more children, slower ones still some.
  std::uniform_int_distribution<std::size_t> any(0, elite_.size() - 1);
  return elite_[std::min(any(rng_), any(rng_))];
}

Expected<schedule::Schedule> Evolution::offspring() {
  const double dice = std::uniform_real_distribution<double>(kRanked, 1)(rng_);
  if (elite_.empty() || dice < kRanked + kRandom) return space_.random(rng_);
  if (elite_.size() == 1 || dice < kRanked + kRandom + kMutated) return space_.mutate(pick_parent().schedule, rng_);
  return space_.cross(pick_parent().schedule, pick_parent().schedule, rng_);
}

std::vector<schedule::Schedule> Evolution::propose(std::size_t count) {
  std::vector<schedule::Schedule> proposals;
  int fruitless = 0;
  while (proposals.size() < count && !exhausted_) {
    const bool ranked = elite_.empty() || std::uniform_real_distribution<double>(0, 1)(rng_) < kRanked;
    if (!ranked_.empty() && (ranked || fruitless > kFruitless / 2)) {
      schedule::Schedule best = std::move(ranked_.back());
      ranked_.pop_back();
      if (seen_.insert(best.hash()).second) proposals.push_back(std::move(best));
      continue;
    }
    // The most promising of a few that are new.
    double least = kNone;
    schedule::Schedule chosen;
    const int competitors = proposals.size() % 2 == 0 ? kCompetitors : 1;
    for (int i = 0; i < competitors; ++i) {
      auto child = offspring();
      if (!child || seen_.contains(child->hash())) continue;
      if (const double seconds = estimate_(*child); seconds < least) {
        least = seconds;
        chosen = std::move(*child);
      }
    }
    if (least < kNone) {
      seen_.insert(chosen.hash());
      proposals.push_back(std::move(chosen));
      fruitless = 0;
    } else if (++fruitless > kFruitless || (enumerated_ && ranked_.empty())) {
      exhausted_ = ranked_.empty();
    }
  }
  return proposals;
}

}  // namespace nntune::tuner
