#include "compiler/dag/relaxation.h"

#include <ClpSimplex.hpp>
#include <algorithm>
#include <cmath>

namespace nntune::dag {

namespace {

/// As Clp takes them: one behind the other.
struct Rows {
  std::vector<CoinBigIndex> begin = {0};
  std::vector<int> columns;
  std::vector<double> values;
  std::vector<double> lower;
  std::vector<double> upper;

  explicit Rows(std::span<const Row> rows) {
    for (const Row& row : rows) {
      columns.insert(columns.end(), row.columns.begin(), row.columns.end());
      values.insert(values.end(), row.values.begin(), row.values.end());
      begin.push_back(static_cast<CoinBigIndex>(columns.size()));
      lower.push_back(std::max(row.lower, -COIN_DBL_MAX));
      upper.push_back(std::min(row.upper, COIN_DBL_MAX));
    }
  }
  [[nodiscard]] int count() const { return static_cast<int>(lower.size()); }
};

}  // namespace

Relaxation::Relaxation(const ExtractionInstance& instance, const Cuts& cuts, double scale)
    : model_(std::make_unique<ClpSimplex>()), scale_(scale) {
  model_->setLogLevel(0);
  const std::size_t nodes = instance.node_count();
  std::vector<double> lower(cuts.columns(), 0);
  std::vector<double> upper(cuts.columns(), 1);
  std::vector<double> objective(cuts.columns(), 0);
  for (std::size_t n = 0; n < nodes; ++n) objective[n] = instance.cost[n] * scale;
  for (std::uint32_t c = 0; c < instance.class_count(); ++c) lower[nodes + c] = cuts.forced(c) ? 1 : 0;
  const Rows rows(cuts.first_rows());
  const CoinPackedMatrix matrix(false, static_cast<int>(cuts.columns()), rows.count(), rows.begin.back(), rows.values.data(),
                                rows.columns.data(), rows.begin.data(), nullptr);
  model_->loadProblem(matrix, lower.data(), upper.data(), objective.data(), rows.lower.data(), rows.upper.data());
  first_rows_ = rows.count();
}

Relaxation::~Relaxation() = default;

void Relaxation::add(std::span<const Row> added) {
  const Rows rows(added);
  model_->addRows(rows.count(), rows.lower.data(), rows.upper.data(), rows.begin.data(), rows.columns.data(),
                  rows.values.data());
  slack_rounds_.resize(slack_rounds_.size() + added.size(), 0);
}

Relaxation::Outcome Relaxation::solve() {
  model_->dual();
  if (model_->status() == 0) return Outcome::optimal;
  return model_->status() == 1 ? Outcome::infeasible : Outcome::failed;
}

void Relaxation::drop_slack() {
  constexpr int kPatience = 5;
  std::vector<int> drop;
  const double* const activity = model_->primalRowSolution();
  for (int i = first_rows_; i < model_->numberRows(); ++i) {
    int& rounds = slack_rounds_[static_cast<std::size_t>(i - first_rows_)];
    const bool slack = activity[i] < model_->rowUpper()[i] - 1e-6 && activity[i] > model_->rowLower()[i] + 1e-6;
    rounds = slack ? rounds + 1 : 0;
    if (rounds > kPatience) drop.push_back(i);
  }
  if (drop.size() * 5 < slack_rounds_.size()) return;
  model_->deleteRows(static_cast<int>(drop.size()), drop.data());
  std::erase_if(slack_rounds_, [](int rounds) { return rounds > kPatience; });
}

std::span<const double> Relaxation::solution() const {
  return {model_->primalColumnSolution(), static_cast<std::size_t>(model_->numberColumns())};
}

std::vector<double> Relaxation::row_prices() const {
  std::vector<double> result(model_->dualRowSolution(), model_->dualRowSolution() + model_->numberRows());
  for (int i = 0; i < model_->numberRows(); ++i) {
    double& price = result[static_cast<std::size_t>(i)];
    // A price on a side that is not there is a rounding error of the solver's.
    if (std::abs(price > 0 ? model_->rowLower()[i] : model_->rowUpper()[i]) > 1e30) price = 0;
  }
  return result;
}

std::vector<double> Relaxation::reduced_costs(const std::vector<double>& prices) const {
  std::vector<double> result(model_->objective(), model_->objective() + model_->numberColumns());
  const CoinPackedMatrix& matrix = *model_->matrix();  // by columns
  for (int j = 0; j < model_->numberColumns(); ++j) {
    const CoinBigIndex begin = matrix.getVectorStarts()[j];
    for (CoinBigIndex k = begin; k < begin + matrix.getVectorLengths()[j]; ++k) {
      result[static_cast<std::size_t>(j)] -=
          prices[static_cast<std::size_t>(matrix.getIndices()[k])] * matrix.getElements()[k];
    }
  }
  return result;
}

double Relaxation::safe_bound() const {
  const std::vector<double> prices = row_prices();
  const std::vector<double> reduced = reduced_costs(prices);
  double bound = 0;
  for (int i = 0; i < model_->numberRows(); ++i) {
    const double price = prices[static_cast<std::size_t>(i)];
    if (price != 0) bound += price * (price > 0 ? model_->rowLower()[i] : model_->rowUpper()[i]);
  }
  for (int j = 0; j < model_->numberColumns(); ++j) {
    const double cost = reduced[static_cast<std::size_t>(j)];
    bound += cost * (cost > 0 ? model_->columnLower()[j] : model_->columnUpper()[j]);
  }
  return bound / scale_;
}

std::size_t Relaxation::fix(double cutoff) {
  const double room = cutoff * scale_ - safe_bound() * scale_;
  const std::vector<double> reduced = reduced_costs(row_prices());
  std::size_t fixed = 0;
  for (int j = 0; j < model_->numberColumns(); ++j) {
    const double cost = reduced[static_cast<std::size_t>(j)];
    if (model_->columnLower()[j] == model_->columnUpper()[j]) continue;
    // A little more room than there is, as reduced costs have rounding too.
    if (cost > 0 && cost > room + 1e-6 * std::abs(cutoff * scale_)) {
      model_->setColumnBounds(j, 0, 0);
      ++fixed;
    } else if (cost < 0 && -cost > room + 1e-6 * std::abs(cutoff * scale_)) {
      model_->setColumnBounds(j, 1, 1);
      ++fixed;
    }
  }
  return fixed;
}

bool Relaxation::fixed_to_zero(std::size_t column) const { return model_->columnUpper()[static_cast<int>(column)] < 0.5; }

}  // namespace nntune::dag
