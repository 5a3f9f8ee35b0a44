/// Local improvement of a choice.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/extract/bits.h"
#include "compiler/extract/greedy.h"
#include "compiler/extract/problem.h"

namespace nntune::extract {

/// A choice with the parts of its cost, so that a change in one section is cheap to evaluate.
class Incumbent {
 public:
  Incumbent(const Problem& problem, Greedy& greedy, std::vector<std::int32_t> choice);

  [[nodiscard]] double cost() const { return cost_; }
  [[nodiscard]] const std::vector<std::int32_t>& choice() const { return choice_; }
  [[nodiscard]] Bits stored() const { return stored(sections_); }

  /// Tries every other option of every class in use; true if the cost fell.
  bool improve_options();

  /// Tries to share each class that is not in use: as if it were computed anyway, who would read it?
  bool improve_sharing();

  /// Tries to store each constant instead of the present forms of its weights, in all sections at once.
  bool improve_constants();

  /// Stores `constant` instead of the present forms of its weights, at whatever cost; false if that is impossible.
  bool force(std::uint32_t constant) { return adopt(constant, false, kInfinity); }

 private:
  /// No other form of its matrices is stored.
  [[nodiscard]] bool alone(std::uint32_t constant) const;

  /// Runs the greedy part again in the sections that lose a form they read; kept if the cost is under `limit`.
  bool adopt(std::uint32_t constant, bool backwards, double limit);

  [[nodiscard]] Bits stored(const std::vector<SectionCost>& sections) const;
  [[nodiscard]] double total(const std::vector<SectionCost>& sections) const;

  const Problem* problem_;  // pointers, so that incumbents can be sorted
  Greedy* greedy_;
  std::vector<std::int32_t> choice_;
  std::vector<SectionCost> sections_;
  double cost_ = 0;
};

}  // namespace nntune::extract
