#include "compiler/dag/integer_program.h"

#include <fmt/format.h>

#include <CbcModel.hpp>
#include <CbcSolver.hpp>
#include <ClpSimplex.hpp>
#include <OsiClpSolverInterface.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "compiler/dag/cuts.h"
#include "compiler/dag/incumbent.h"
#include "compiler/dag/reduce.h"
#include "compiler/dag/relaxation.h"

namespace nntune::dag {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kBroken = 1e-4;  // an inequality that is broken by less is left alone

class Prover {
 public:
  Prover(const ExtractionInstance& instance, const Choice& start, const ProgramListener& listener)
      : whole_(instance), listener_(listener), grid_(cost_grid(instance)), current_(drop_useless(instance)) {
    if (const Value value = evaluate(instance, start); value.feasible()) best_ = value.cost;
  }

  void run();

 private:
  enum class Next { proved, again, stuck, integer };

  /// What is not cheaper than this is of no interest.
  [[nodiscard]] double cutoff() const {
    if (best_ == kInfinity) return kInfinity;
    return grid_ > 0 ? best_ - grid_ / 2 : best_ * (1 - 1e-8);
  }
  /// A bound for what is cheaper than the cutoff. True if there is nothing.
  bool report_bound(double bound);
  /// A choice in the current instance.
  void consider(const Choice& choice);
  void follow(std::span<const double> solution);
  Next relax(Relaxation& relaxation, Cuts& cuts);
  Next branch(Relaxation& relaxation, Cuts& cuts);

  const ExtractionInstance& whole_;
  const ProgramListener& listener_;
  double grid_;
  double best_ = kInfinity;
  double bound_ = 0;
  Reduction current_;
  std::vector<bool> keep_;  // by node of the current instance
};

bool Prover::report_bound(double bound) {
  const double rounded = std::min(round_up(bound, grid_), best_);
  if (rounded > bound_) {
    bound_ = rounded;
    listener_.bound(bound_);
  }
  return bound_ >= cutoff();
}

void Prover::consider(const Choice& choice) {
  if (!belongs(current_.instance, choice)) return;
  const Choice lifted = current_.lift(choice, whole_.class_count());
  const Value value = evaluate(whole_, lifted);
  if (!value.feasible() || !cheaper(value.cost, best_)) return;
  best_ = value.cost;
  listener_.cheaper(lifted);
}

/// Greedy where what the solution takes is cheap.
void Prover::follow(std::span<const double> solution) {
  const ExtractionInstance& instance = current_.instance;
  Greedy greedy(instance);
  const double free = 1e-6 * (best_ < kInfinity ? best_ : 1.0);
  for (const double trust : {0.9, 1.0}) {
    std::vector<double> price(instance.cost);
    for (std::size_t n = 0; n < price.size(); ++n)
      price[n] = (price[n] + free) * (1 - trust * std::clamp(solution[n], 0.0, 1.0));
    Choice choice = greedy.run(price, Greedy::Sharing::dag);
    if (!evaluate(instance, choice).complete()) continue;
    Incumbent incumbent(instance, std::move(choice));
    incumbent.complete(greedy);
    incumbent.improve([] { return false; });
    consider(incumbent.choice());
  }
}

Prover::Next Prover::relax(Relaxation& relaxation, Cuts& cuts) {
  std::vector<double> history;
  std::size_t fixed = 0;
  while (true) {
    const Relaxation::Outcome outcome = relaxation.solve();
    if (outcome == Relaxation::Outcome::failed) return Next::stuck;
    if (outcome == Relaxation::Outcome::infeasible) {
      report_bound(best_);
      return best_ < kInfinity ? Next::proved : Next::stuck;
    }
    const double bound = relaxation.safe_bound();
    if (report_bound(bound)) return Next::proved;
    follow(relaxation.solution());
    if (report_bound(bound)) return Next::proved;
    if (best_ < kInfinity) fixed += relaxation.fix(cutoff());
    if (fixed * 4 > current_.instance.node_count()) return Next::again;
    const std::vector<Row> rows = cuts.broken_by(relaxation.solution(), kBroken);
    history.push_back(bound);
    constexpr std::size_t kPatience = 8;
    const bool stalls = history.size() > kPatience && bound - history[history.size() - 1 - kPatience] <
                                                          2e-3 * std::abs(std::min(best_, bound) - bound) + 1e-6 * bound;
    if (rows.empty() || stalls) return fixed * 20 > current_.instance.node_count() ? Next::again : Next::integer;
    relaxation.drop_slack();
    relaxation.add(rows);
  }
}

Prover::Next Prover::branch(Relaxation& relaxation, Cuts& cuts) {
  while (true) {
    OsiClpSolverInterface solver;
    ClpSimplex copy(relaxation.model());
    solver.loadProblem(*copy.matrix(), copy.columnLower(), copy.columnUpper(), copy.objective(), copy.rowLower(),
                       copy.rowUpper());
    solver.setLogLevel(0);
    for (std::size_t n = 0; n < current_.instance.node_count(); ++n) solver.setInteger(static_cast<int>(n));
    CbcModel model(solver);
    CbcSolverUsefulData data;
    data.noPrinting_ = true;
    data.useSignalHandler_ = false;
    CbcMain0(model, data);
    std::vector<std::string> words = {"cbc", "-log", "0"};
    if (best_ < kInfinity) {
      words.insert(words.end(), {"-cutoff", fmt::format("{:.15g}", cutoff() * relaxation.scale())});
      if (grid_ > 0) words.insert(words.end(), {"-increment", fmt::format("{:.15g}", 0.99 * grid_ * relaxation.scale())});
    }
    // Good choices are known, and cuts slow down more than they prove here: the box filter of 5 iterations takes 0.8 s
    // instead of 3.9 s.
    words.insert(words.end(), {"-heuristicsOnOff", "off", "-cutsOnOff", "off"});
    words.insert(words.end(), {"-solve", "-quit"});
    std::vector<const char*> arguments;
    arguments.reserve(words.size());
    for (const std::string& word : words) arguments.push_back(word.c_str());
    CbcMain1(
        static_cast<int>(arguments.size()), arguments.data(), model, [](CbcModel*, int) { return 0; }, data);
    if (model.status() != 0) return Next::stuck;
    if (model.bestSolution() == nullptr) {
      if (!model.isProvenInfeasible() || best_ == kInfinity) return Next::stuck;
      report_bound(best_);
      return Next::proved;
    }
    const std::span<const double> solution(model.bestSolution(), cuts.columns());
    const double claimed = model.getBestPossibleObjValue() / relaxation.scale();
    Choice choice(current_.instance.class_count(), kNone);
    for (std::uint32_t c = 0; c < choice.size(); ++c) {
      for (std::uint32_t n = current_.instance.class_begin[c]; n < current_.instance.class_begin[c + 1]; ++n) {
        if (solution[n] > 0.5) choice[c] = n;
      }
    }
    const Value value = evaluate(current_.instance, choice);
    if (value.feasible()) {
      consider(choice);
      if (!(claimed >= value.cost * (1 - 1e-6) - 1e-9)) return Next::stuck;
      report_bound(best_);
      return Next::proved;
    }
    const std::vector<Row> rows = cuts.broken_by(solution, kBroken);
    if (rows.empty()) return Next::stuck;
    if (report_bound(claimed)) return Next::proved;
    relaxation.add(rows);
    if (const Next next = relax(relaxation, cuts); next == Next::proved || next == Next::stuck || next == Next::again)
      return next;
  }
}

void Prover::run() {
  while (true) {
    Reduced reduced = reduce(current_.instance, cutoff(), {}, kThoroughEffort);
    current_ = compose(current_, std::move(reduced.reduction));
    if (report_bound(reduced.lower_bound) || underivable_root(current_.instance) != kNone) {
      report_bound(best_);
      return;
    }
    Cuts cuts(current_.instance);
    Relaxation relaxation(current_.instance, cuts, best_ < kInfinity && best_ > 0 ? 1000 / best_ : 1);
    Next next = relax(relaxation, cuts);
    if (next == Next::integer) next = branch(relaxation, cuts);
    if (next == Next::proved || next == Next::stuck) return;
    keep_.assign(current_.instance.node_count(), true);
    for (std::uint32_t c = 0; c < current_.instance.class_count(); ++c) {
      const bool gone = relaxation.fixed_to_zero(current_.instance.node_count() + c);
      for (std::uint32_t n = current_.instance.class_begin[c]; n < current_.instance.class_begin[c + 1]; ++n) {
        keep_[n] = !gone && !relaxation.fixed_to_zero(n);
      }
    }
    current_ = compose(current_, keep_nodes(current_.instance, keep_));
    if (underivable_root(current_.instance) != kNone) {
      report_bound(best_);
      return;
    }
  }
}

}  // namespace

void prove(const ExtractionInstance& instance, const Choice& start, const ProgramListener& listener) {
  Prover(instance, start, listener).run();
}

}  // namespace nntune::dag
