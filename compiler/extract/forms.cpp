#include "compiler/extract/forms.h"

#include <algorithm>
#include <limits>

namespace nntune::extract {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

std::vector<std::uint32_t> needed_for(const egraph::ExtractionInstance& instance, const dag::Choice& choice,
                                      const std::vector<std::uint32_t>& roots, std::vector<bool>& seen) {
  std::vector<std::uint32_t> needed;
  std::vector<std::uint32_t> pending = roots;
  while (!pending.empty()) {
    const std::uint32_t c = pending.back();
    pending.pop_back();
    if (seen[c] || choice[c] == dag::kNone) continue;
    seen[c] = true;
    needed.push_back(c);
    const auto children = instance.children_of(choice[c]);
    pending.insert(pending.end(), children.begin(), children.end());
  }
  return needed;
}

void Forms::look_at(const dag::Choice& choice) {
  choice_ = choice;
  needed_.clear();
  stored_.clear();
  uses_.assign(problem_.constants.size(), 0);
  for (const ProblemSection& section : problem_.sections) {
    std::vector<bool> seen(instance_.class_count(), false);
    needed_.push_back(needed_for(instance_, choice, section.roots, seen));
    std::sort(needed_.back().begin(), needed_.back().end());
    for (const std::uint32_t c : needed_.back()) {
      if (c >= problem_.classes.size()) ++uses_[c - problem_.classes.size()];
    }
  }
  for (std::uint32_t i = 0; i < uses_.size(); ++i) {
    if (stores(i)) stored_.push_back(i);
  }
}

bool Forms::conflict(std::uint32_t a, std::uint32_t b) const {
  const auto& matrices = problem_.constants[a].matrices;
  const auto& others = problem_.constants[b].matrices;
  return a != b && std::find_first_of(matrices.begin(), matrices.end(), others.begin(), others.end()) != matrices.end();
}

bool Forms::contested(std::uint32_t constant) const {
  return std::ranges::any_of(stored_, [&](std::uint32_t other) { return conflict(constant, other); });
}

bool Forms::reads(std::size_t section, std::uint32_t constant) const {
  return std::ranges::binary_search(needed_[section], static_cast<std::uint32_t>(problem_.classes.size()) + constant);
}

dag::Choice Forms::only(std::uint32_t constant) {
  std::vector<double> prices;
  std::vector<bool> sections(problem_.sections.size(), false);
  for (std::uint32_t i = 0; i < problem_.constants.size(); ++i) {
    const bool forbidden = conflict(constant, i);
    prices.push_back(forbidden ? kInfinity : i == constant || stores(i) ? 0 : problem_.constants[i].price);
    for (std::size_t s = 0; forbidden && stores(i) && s < sections.size(); ++s) sections[s] = sections[s] || reads(s, i);
  }
  return again(prices, sections);
}

dag::Choice Forms::beside(std::uint32_t constant, std::uint32_t other) {
  std::vector<double> prices;
  for (std::uint32_t i = 0; i < problem_.constants.size(); ++i) {
    // What is no matrix (a norm's weight) may be stored as anybody likes.
    const bool at_hand = i == other || stores(i) || problem_.constants[i].matrices.empty();
    prices.push_back(at_hand ? 0 : kInfinity);
  }
  std::vector<bool> sections;
  for (std::size_t s = 0; s < problem_.sections.size(); ++s) sections.push_back(reads(s, constant));
  return again(prices, sections);
}

dag::Choice Forms::again(const std::vector<double>& constant_prices, const std::vector<bool>& sections) {
  std::vector<double> price = instance_.cost;
  for (std::uint32_t i = 0; i < constant_prices.size(); ++i) {
    price[node_of_constant(problem_, instance_, i)] = constant_prices[i];
  }
  dag::Choice fixed(instance_.class_count(), dag::kNone);
  for (std::size_t s = 0; s < sections.size(); ++s) {
    if (sections[s]) continue;
    for (const std::uint32_t c : needed_[s]) fixed[c] = choice_[c];
  }
  return greedy_.run(price, dag::Greedy::Sharing::dag, fixed);
}

}  // namespace nntune::extract
