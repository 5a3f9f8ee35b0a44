/// The linear relaxation of an extraction problem, solved by Clp.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "compiler/dag/cuts.h"

class ClpSimplex;

namespace nntune::dag {

class Relaxation {
 public:
  /// \param scale  of the objective inside the solver, so that its tolerances mean the same for costs of any unit
  Relaxation(const ExtractionInstance& instance, const Cuts& cuts, double scale);
  ~Relaxation();
  Relaxation(const Relaxation&) = delete;
  Relaxation& operator=(const Relaxation&) = delete;

  enum class Outcome { optimal, infeasible, failed };
  Outcome solve();
  void add(std::span<const Row> rows);
  /// Takes out inequalities that have been slack for some rounds.
  void drop_slack();

  /// By column (Cuts).
  [[nodiscard]] std::span<const double> solution() const;
  /// A bound on the cost that holds whatever the solver did: made of its row prices alone (Neumaier and Shcherbina, "Safe bounds in
  /// linear and mixed-integer linear programming", 2004), without directed rounding.
  [[nodiscard]] double safe_bound() const;
  /// Takes out columns whose reduced cost lifts the bound over `cutoff`. How many went.
  std::size_t fix(double cutoff);
  /// Columns that were taken out.
  [[nodiscard]] bool fixed_to_zero(std::size_t column) const;

  [[nodiscard]] const ClpSimplex& model() const { return *model_; }
  [[nodiscard]] double scale() const { return scale_; }

 private:
  /// Without those that cannot be.
  [[nodiscard]] std::vector<double> row_prices() const;
  [[nodiscard]] std::vector<double> reduced_costs(const std::vector<double>& prices) const;

  std::unique_ptr<ClpSimplex> model_;
  double scale_;
  int first_rows_ = 0;
  std::vector<int> slack_rounds_;  ///< by row behind the first
};

}  // namespace nntune::dag
