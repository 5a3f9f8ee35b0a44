/// The greedy part of DAG extraction: each class keeps the set of classes and constants that its best option needs, so that
/// what two operands share is paid once (extraction-gym's faster-greedy-dag).
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "compiler/extract/bits.h"
#include "compiler/extract/problem.h"

namespace nntune::extract {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kTie = 1e-9;

/// Less, and by more than a relative 1e-9.
[[nodiscard]] inline bool better(double a, double b) {
  return a < b - kTie * std::abs(b) || (a < kInfinity && b == kInfinity);
}

/// Seconds and constants of one section under a choice.
struct SectionCost {
  double seconds = 0;
  Bits constants;
};

/// A choice is an option for each class, Solution::kNoOption where there is none yet.
class Greedy {
 public:
  explicit Greedy(const Problem& problem);

  /// Best option for each class of `section` at these prices of constants (infinite: forbidden). False if a root has none.
  /// `sunk`: classes that keep their options and cost nothing, as if they were computed anyway.
  bool run(const ProblemSection& section, const std::vector<double>& prices, std::vector<std::int32_t>& choice,
           const std::vector<std::uint32_t>& sunk = {});

  /// What `choice` costs in this section; infinite if it is cyclic or incomplete.
  SectionCost section_cost(const ProblemSection& section, const std::vector<std::int32_t>& choice);

  /// Takes out everything that conflicts with storing constant `only` (another form of one of its matrices).
  void forbid_others(std::uint32_t only, std::vector<double>& prices) const;

  /// Gives the classes that a restricted greedy run left out their best options without restrictions, so that local
  /// improvement can reach them.
  void complete(std::vector<std::int32_t>& choice);

  /// Of the problem's constants.
  [[nodiscard]] std::vector<double> prices() const;

 private:
  enum class State : std::uint8_t { unseen, open, done };

  [[nodiscard]] const Option& taken(std::uint32_t at, const std::vector<std::int32_t>& choice) const {
    return problem_.classes[at].options[static_cast<std::size_t>(choice[at])];
  }

  /// Cost of a class with `option`, what operands share counted once; leaves what it needs in trial_.
  double total_with(std::uint32_t at, const Option& option, const std::vector<double>& prices,
                    const std::vector<std::int32_t>& choice);

  void visit(std::uint32_t at, const std::vector<std::int32_t>& choice, SectionCost& result);

  const Problem& problem_;
  std::vector<std::int32_t> defaults_;
  std::vector<Bits> needs_;  // by class: classes and constants of its best option
  Bits trial_;
  std::vector<bool> sunk_;
  std::vector<State> state_;
};

}  // namespace nntune::extract
