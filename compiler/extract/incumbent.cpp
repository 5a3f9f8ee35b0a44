#include "compiler/extract/incumbent.h"

#include <algorithm>

#include "compiler/extract/solve.h"

namespace nntune::extract {

Incumbent::Incumbent(const Problem& problem, Greedy& greedy, std::vector<std::int32_t> choice)
    : problem_(&problem), greedy_(&greedy), choice_(std::move(choice)) {
  for (const ProblemSection& section : problem.sections) {
    sections_.push_back(greedy.section_cost(section, choice_));
  }
  cost_ = total(sections_);
  greedy.complete(choice_);
}

bool Incumbent::improve_options() {
  bool improved = false;
  for (std::size_t s = 0; s < problem_->sections.size(); ++s) {
    for (const std::uint32_t at : needed_classes(*problem_, choice_, problem_->sections[s])) {
      for (std::size_t i = 0; i < problem_->classes[at].options.size(); ++i) {
        const std::int32_t old = choice_[at];
        choice_[at] = static_cast<std::int32_t>(i);
        SectionCost section = greedy_->section_cost(problem_->sections[s], choice_);
        std::swap(sections_[s], section);
        if (const double trial = total(sections_); better(trial, cost_)) {
          cost_ = trial;
          improved = true;
        } else {
          std::swap(sections_[s], section);
          choice_[at] = old;
        }
      }
    }
  }
  return improved;
}

bool Incumbent::improve_sharing() {
  bool improved = false;
  for (std::size_t s = 0; s < problem_->sections.size(); ++s) {
    const ProblemSection& section = problem_->sections[s];
    for (const std::uint32_t at : section.classes) {
      const std::vector<std::uint32_t> used = needed_classes(*problem_, choice_, section);
      if (choice_[at] == Solution::kNoOption || std::find(used.begin(), used.end(), at) != used.end()) {
        continue;
      }
      std::vector<double> prices = greedy_->prices();
      stored().for_each([&](std::size_t i) { prices[i] = 0; });
      std::vector<std::int32_t> choice = choice_;
      ProblemSection only = section;
      only.roots = {at};
      if (greedy_->section_cost(only, choice_).seconds == kInfinity ||  // cyclic
          !greedy_->run(section, prices, choice, needed_classes(*problem_, choice_, only))) {
        continue;
      }
      std::vector<SectionCost> sections = sections_;
      sections[s] = greedy_->section_cost(section, choice);
      if (const double trial = total(sections); better(trial, cost_)) {
        greedy_->complete(choice);
        choice_ = std::move(choice);
        sections_ = std::move(sections);
        cost_ = trial;
        improved = true;
      }
    }
  }
  return improved;
}

bool Incumbent::improve_constants() {
  bool improved = false;
  for (std::uint32_t constant = 0; constant < problem_->constants.size(); ++constant) {
    if (problem_->constants[constant].matrices.empty() || (stored().test(constant) && alone(constant))) {
      continue;
    }
    for (const bool backwards : {false, true}) {
      improved = adopt(constant, backwards, cost_) || improved;
    }
  }
  return improved;
}

bool Incumbent::alone(std::uint32_t constant) const {
  std::vector<double> prices(problem_->constants.size(), 0);
  greedy_->forbid_others(constant, prices);
  bool result = true;
  stored().for_each([&](std::size_t i) { result = result && prices[i] == 0; });
  return result;
}

bool Incumbent::adopt(std::uint32_t constant, bool backwards, double limit) {
  std::vector<double> prices = greedy_->prices();
  stored().for_each([&](std::size_t i) { prices[i] = 0; });
  prices[constant] = 0;
  greedy_->forbid_others(constant, prices);
  std::vector<std::int32_t> choice = choice_;
  std::vector<SectionCost> sections = sections_;
  for (std::size_t n = 0; n < sections.size(); ++n) {
    const std::size_t s = backwards ? sections.size() - 1 - n : n;
    // Sections that keep all they store have nothing to change.
    bool touched = false;
    sections_[s].constants.for_each([&](std::size_t i) { touched = touched || prices[i] == kInfinity; });
    if (!touched) {
      continue;
    }
    if (!greedy_->run(problem_->sections[s], prices, choice)) {
      return false;
    }
    sections[s] = greedy_->section_cost(problem_->sections[s], choice);
    sections[s].constants.for_each([&](std::size_t i) { prices[i] = 0; });
  }
  const double trial = total(sections);
  if (!better(trial, limit)) {
    return false;
  }
  choice_ = std::move(choice);
  greedy_->complete(choice_);
  sections_ = std::move(sections);
  cost_ = trial;
  return true;
}

Bits Incumbent::stored(const std::vector<SectionCost>& sections) const {
  Bits all(problem_->constants.size());
  for (const SectionCost& section : sections) {
    all.merge(section.constants);
  }
  return all;
}

double Incumbent::total(const std::vector<SectionCost>& sections) const {
  double result = 0;
  for (const SectionCost& section : sections) {
    result += section.seconds;
  }
  stored(sections).for_each([&](std::size_t i) { result += problem_->constants[i].price; });
  return result;
}

}  // namespace nntune::extract
