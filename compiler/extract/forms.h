/// The forms in which matrices are stored, changed as a whole: greedy choices again, when a matrix may lie in one form only.
///
/// A form is bound to the kernels that read it, in all phases: to change it, all of them have to change at once, and those around them,
/// which the extraction of any e-graph (dag/) does not know to try.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/extract/instance.h"
#include "compiler/extract/problem.h"

namespace nntune::extract {

class Forms {
 public:
  /// All three outlive this object. `instance` is that of `problem`.
  Forms(const Problem& problem, const egraph::ExtractionInstance& instance, dag::Greedy& greedy)
      : problem_(problem), instance_(instance), greedy_(greedy) {}

  /// From here on changes are made to this choice, which is complete for the roots and acyclic.
  void look_at(const dag::Choice& choice);

  /// Constants that are stored, ascending.
  [[nodiscard]] const std::vector<std::uint32_t>& stored() const { return stored_; }
  [[nodiscard]] bool stores(std::uint32_t constant) const { return uses_[constant] > 0; }
  /// Whether another form of one of its matrices is stored.
  [[nodiscard]] bool contested(std::uint32_t constant) const;

  /// With `constant` instead of all other forms of its matrices: the sections that read one of those are chosen again, the
  /// others stay. Incomplete where that is not possible.
  [[nodiscard]] dag::Choice only(std::uint32_t constant);
  /// With `other` at hand beside what is stored, and no other matrix: the sections that read `constant` are chosen again.
  [[nodiscard]] dag::Choice beside(std::uint32_t constant, std::uint32_t other);

  /// Whether a section reads the constant.
  [[nodiscard]] bool reads(std::size_t section, std::uint32_t constant) const;

 private:
  [[nodiscard]] bool conflict(std::uint32_t a, std::uint32_t b) const;
  /// Chooses sections again at these prices of constants.
  [[nodiscard]] dag::Choice again(const std::vector<double>& constant_prices, const std::vector<bool>& sections);

  const Problem& problem_;
  const egraph::ExtractionInstance& instance_;
  dag::Greedy& greedy_;
  dag::Choice choice_;
  std::vector<std::vector<std::uint32_t>> needed_;  ///< by section: classes of the instance
  std::vector<std::uint32_t> uses_;                 ///< by constant: sections that read it
  std::vector<std::uint32_t> stored_;
};

/// Classes of the instance that a choice needs for `roots`; `seen` (by class) are not looked at, and marked.
[[nodiscard]] std::vector<std::uint32_t> needed_for(const egraph::ExtractionInstance& instance, const dag::Choice& choice,
                                                    const std::vector<std::uint32_t>& roots, std::vector<bool>& seen);

}  // namespace nntune::extract
