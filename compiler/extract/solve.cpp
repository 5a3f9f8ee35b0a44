#include "compiler/extract/solve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <limits>
#include <set>

namespace nntune::extract {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kTie = 1e-9;

bool better(double a, double b) { return a < b - kTie * std::abs(b) || (a < kInfinity && b == kInfinity); }

/// A set of small integers.
class Bits {
 public:
  Bits() = default;
  explicit Bits(std::size_t size) : words_((size + 63) / 64) {}
  void set(std::size_t i) { words_[i / 64] |= std::uint64_t{1} << (i % 64); }
  [[nodiscard]] bool test(std::size_t i) const { return ((words_[i / 64] >> (i % 64)) & 1) != 0; }
  void merge(const Bits& other) {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      words_[i] |= other.words_[i];
    }
  }
  void clear() { std::fill(words_.begin(), words_.end(), 0); }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      for (std::uint64_t word = words_[i]; word != 0; word &= word - 1) {
        visit(i * 64 + static_cast<std::size_t>(__builtin_ctzll(word)));
      }
    }
  }

 private:
  std::vector<std::uint64_t> words_;
};

/// Seconds and constants of one section under a choice.
struct SectionCost {
  double seconds = 0;
  Bits constants;
};

class Solver {
 public:
  explicit Solver(const Problem& problem) : problem_(problem), state_(problem.classes.size()) {
    Bits empty(problem.classes.size() + problem.constants.size());
    needs_.assign(problem.classes.size(), empty);
    trial_ = empty;
  }

  /// Best option for each class of `section` at these prices of constants (infinite: forbidden). False if a root has none.
  /// `sunk`: classes that keep their options and cost nothing, as if they were computed anyway.
  bool greedy(const ProblemSection& section, const std::vector<double>& prices, std::vector<std::int32_t>& choice,
              const std::vector<std::uint32_t>& sunk = {}) {
    const std::vector<std::int32_t> kept = choice;
    for (const std::uint32_t at : section.classes) {
      choice[at] = Solution::kNoOption;
    }
    std::vector<double> totals(problem_.classes.size(), kInfinity);
    sunk_.assign(problem_.classes.size(), false);
    for (const std::uint32_t at : sunk) {  // operands come first
      sunk_[at] = true;
      choice[at] = kept[at];
      totals[at] = -1;  // nothing is better
      needs_[at].clear();
      needs_[at].set(at);
      for (const std::uint32_t operand : taken(at, choice).operands) {
        needs_[at].merge(needs_[operand]);
      }
    }
    // One sweep is enough where there are no cycles, as classes come behind their operands.
    bool changed = true;
    for (int sweep = 0; changed && sweep < 20; ++sweep) {
      changed = false;
      for (const std::uint32_t at : section.classes) {
        const auto& options = problem_.classes[at].options;
        for (std::size_t i = 0; i < options.size(); ++i) {
          // Whatever is shared, one operand is paid in full: most options end here.
          double bound = options[i].seconds;
          for (const std::uint32_t operand : options[i].operands) {
            bound = std::max(bound, options[i].seconds + std::max(0.0, totals[operand]));
          }
          if (!better(bound, totals[at])) {
            continue;
          }
          const double total = total_with(at, options[i], prices, choice);
          if (better(total, totals[at])) {
            totals[at] = total;
            choice[at] = static_cast<std::int32_t>(i);
            needs_[at] = trial_;
            needs_[at].set(at);
            changed = true;
          }
        }
      }
    }
    return std::all_of(section.roots.begin(), section.roots.end(),
                       [&](std::uint32_t root) { return choice[root] != Solution::kNoOption; });
  }

  SectionCost section_cost(const ProblemSection& section, const std::vector<std::int32_t>& choice) {
    SectionCost result{0, Bits(problem_.constants.size())};
    for (const std::uint32_t at : section.classes) {
      state_[at] = State::unseen;
    }
    for (const std::uint32_t root : section.roots) {
      visit(root, choice, result);
    }
    return result;
  }

  /// Takes out everything that conflicts with storing constant `only` (another form of one of its matrices).
  void forbid_others(std::uint32_t only, std::vector<double>& prices) const {
    const auto& wanted = problem_.constants[only].matrices;
    for (std::size_t i = 0; i < prices.size(); ++i) {
      const auto& matrices = problem_.constants[i].matrices;
      if (i != only && std::find_first_of(matrices.begin(), matrices.end(), wanted.begin(), wanted.end()) != matrices.end()) {
        prices[i] = kInfinity;
      }
    }
  }

  /// Gives the classes that a restricted greedy run left out their best options without restrictions, so that local
  /// improvement can reach them.
  void complete(std::vector<std::int32_t>& choice) {
    if (defaults_.empty()) {
      defaults_.assign(problem_.classes.size(), Solution::kNoOption);
      for (const ProblemSection& section : problem_.sections) {
        greedy(section, prices(), defaults_);
      }
    }
    for (std::size_t i = 0; i < choice.size(); ++i) {
      choice[i] = choice[i] == Solution::kNoOption ? defaults_[i] : choice[i];
    }
  }

  [[nodiscard]] std::vector<double> prices() const {
    std::vector<double> result;
    for (const Constant& constant : problem_.constants) {
      result.push_back(constant.price);
    }
    return result;
  }

 private:
  enum class State : std::uint8_t { unseen, open, done };

  [[nodiscard]] const Option& taken(std::uint32_t at, const std::vector<std::int32_t>& choice) const {
    return problem_.classes[at].options[static_cast<std::size_t>(choice[at])];
  }

  /// Cost of a class with `option`, what operands share counted once; leaves what it needs in trial_.
  double total_with(std::uint32_t at, const Option& option, const std::vector<double>& prices,
                    const std::vector<std::int32_t>& choice) {
    trial_.clear();
    const std::size_t first_constant = problem_.classes.size();
    for (const std::uint32_t operand : option.operands) {
      if (choice[operand] == Solution::kNoOption || needs_[operand].test(at)) {
        return kInfinity;
      }
      trial_.merge(needs_[operand]);
    }
    for (const std::uint32_t constant : option.constants) {
      if (prices[constant] == kInfinity) {
        return kInfinity;
      }
      trial_.set(first_constant + constant);
    }
    double total = option.seconds;
    trial_.for_each([&](std::size_t i) {
      if (i >= first_constant) {
        total += prices[i - first_constant];
      } else if (!sunk_[i]) {
        total += taken(static_cast<std::uint32_t>(i), choice).seconds;
      }
    });
    return total;
  }

  void visit(std::uint32_t at, const std::vector<std::int32_t>& choice, SectionCost& result) {
    if (state_[at] == State::done) {
      return;
    }
    if (state_[at] == State::open || choice[at] == Solution::kNoOption) {
      result.seconds = kInfinity;
      return;
    }
    state_[at] = State::open;
    const Option& option = taken(at, choice);
    result.seconds += option.seconds;
    for (const std::uint32_t constant : option.constants) {
      result.constants.set(constant);
    }
    for (const std::uint32_t operand : option.operands) {
      visit(operand, choice, result);
    }
    state_[at] = State::done;
  }

  const Problem& problem_;
  std::vector<std::int32_t> defaults_;
  std::vector<Bits> needs_;  // by class: classes and constants of its best option
  Bits trial_;
  std::vector<bool> sunk_;
  std::vector<State> state_;
};

/// A choice with the parts of its cost, so that a change in one section is cheap to evaluate.
class Incumbent {
 public:
  Incumbent(const Problem& problem, Solver& solver, std::vector<std::int32_t> choice)
      : problem_(&problem), solver_(&solver), choice_(std::move(choice)) {
    for (const ProblemSection& section : problem.sections) {
      sections_.push_back(solver.section_cost(section, choice_));
    }
    cost_ = total(sections_);
    solver.complete(choice_);
  }

  [[nodiscard]] double cost() const { return cost_; }
  [[nodiscard]] const std::vector<std::int32_t>& choice() const { return choice_; }
  [[nodiscard]] Bits stored() const { return stored(sections_); }

  /// Tries every other option of every class in use; true if the cost fell.
  bool improve_options() {
    bool improved = false;
    for (std::size_t s = 0; s < problem_->sections.size(); ++s) {
      for (const std::uint32_t at : needed_classes(*problem_, choice_, problem_->sections[s])) {
        for (std::size_t i = 0; i < problem_->classes[at].options.size(); ++i) {
          const std::int32_t old = choice_[at];
          choice_[at] = static_cast<std::int32_t>(i);
          SectionCost section = solver_->section_cost(problem_->sections[s], choice_);
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

  /// Tries to share each class that is not in use: as if it were computed anyway, who would read it?
  bool improve_sharing() {
    bool improved = false;
    for (std::size_t s = 0; s < problem_->sections.size(); ++s) {
      const ProblemSection& section = problem_->sections[s];
      for (const std::uint32_t at : section.classes) {
        const std::vector<std::uint32_t> used = needed_classes(*problem_, choice_, section);
        if (choice_[at] == Solution::kNoOption || std::find(used.begin(), used.end(), at) != used.end()) {
          continue;
        }
        std::vector<double> prices = solver_->prices();
        stored().for_each([&](std::size_t i) { prices[i] = 0; });
        std::vector<std::int32_t> choice = choice_;
        ProblemSection only = section;
        only.roots = {at};
        if (solver_->section_cost(only, choice_).seconds == kInfinity ||  // cyclic
            !solver_->greedy(section, prices, choice, needed_classes(*problem_, choice_, only))) {
          continue;
        }
        std::vector<SectionCost> sections = sections_;
        sections[s] = solver_->section_cost(section, choice);
        if (const double trial = total(sections); better(trial, cost_)) {
          solver_->complete(choice);
          choice_ = std::move(choice);
          sections_ = std::move(sections);
          cost_ = trial;
          improved = true;
        }
      }
    }
    return improved;
  }

  /// Tries to store each constant instead of the present forms of its weights, in all sections at once.
  bool improve_constants() {
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

  /// Stores `constant` instead of the present forms of its weights, at whatever cost; false if that is impossible.
  bool force(std::uint32_t constant) { return adopt(constant, false, kInfinity); }

 private:
  /// No other form of its matrices is stored.
  [[nodiscard]] bool alone(std::uint32_t constant) const {
    std::vector<double> prices(problem_->constants.size(), 0);
    solver_->forbid_others(constant, prices);
    bool result = true;
    stored().for_each([&](std::size_t i) { result = result && prices[i] == 0; });
    return result;
  }

  bool adopt(std::uint32_t constant, bool backwards, double limit) {
    std::vector<double> prices = solver_->prices();
    stored().for_each([&](std::size_t i) { prices[i] = 0; });
    prices[constant] = 0;
    solver_->forbid_others(constant, prices);
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
      if (!solver_->greedy(problem_->sections[s], prices, choice)) {
        return false;
      }
      sections[s] = solver_->section_cost(problem_->sections[s], choice);
      sections[s].constants.for_each([&](std::size_t i) { prices[i] = 0; });
    }
    const double trial = total(sections);
    if (!better(trial, limit)) {
      return false;
    }
    choice_ = std::move(choice);
    solver_->complete(choice_);
    sections_ = std::move(sections);
    cost_ = trial;
    return true;
  }

  [[nodiscard]] Bits stored(const std::vector<SectionCost>& sections) const {
    Bits all(problem_->constants.size());
    for (const SectionCost& section : sections) {
      all.merge(section.constants);
    }
    return all;
  }
  [[nodiscard]] double total(const std::vector<SectionCost>& sections) const {
    double result = 0;
    for (const SectionCost& section : sections) {
      result += section.seconds;
    }
    stored(sections).for_each([&](std::size_t i) { result += problem_->constants[i].price; });
    return result;
  }

  const Problem* problem_;  // pointers, so that incumbents can be sorted
  Solver* solver_;
  std::vector<std::int32_t> choice_;
  std::vector<SectionCost> sections_;
  double cost_ = 0;
};

std::vector<LayoutChoice> layout_choices_of(const Problem& problem, const Incumbent& incumbent) {
  std::vector<LayoutChoice> result;
  incumbent.stored().for_each([&](std::size_t stored) {
    const auto& matrices = problem.constants[stored].matrices;
    if (matrices.empty()) {
      return;
    }
    LayoutChoice choice{static_cast<std::uint32_t>(stored), LayoutChoice::kNone, {}};
    for (std::uint32_t other = 0; other < problem.constants.size(); ++other) {
      if (other == stored || problem.constants[other].matrices != matrices) {
        continue;
      }
      Incumbent trial = incumbent;
      if (trial.force(other) && better(trial.cost(), choice.solution.cost)) {
        choice.runner_up = other;
        choice.solution = evaluate(problem, trial.choice());
      }
    }
    result.push_back(std::move(choice));
  });
  return result;
}

/// Greedy section by section, what one section stores being free for the next.
std::vector<std::int32_t> start(const Problem& problem, Solver& solver, std::vector<double> prices, bool backwards) {
  std::vector<std::int32_t> choice(problem.classes.size(), Solution::kNoOption);
  for (std::size_t n = 0; n < problem.sections.size(); ++n) {
    const ProblemSection& section = problem.sections[backwards ? problem.sections.size() - 1 - n : n];
    if (solver.greedy(section, prices, choice)) {
      solver.section_cost(section, choice).constants.for_each([&](std::size_t i) { prices[i] = 0; });
    }
  }
  return choice;
}

}  // namespace

std::vector<std::uint32_t> needed_classes(const Problem& problem, const std::vector<std::int32_t>& choice,
                                          const ProblemSection& section) {
  std::vector<bool> seen(problem.classes.size(), false);
  std::vector<std::uint32_t> order;
  const auto visit = [&](const auto& self, std::uint32_t at) -> void {
    if (seen[at]) {
      return;
    }
    seen[at] = true;
    assert(choice[at] != Solution::kNoOption);
    for (const std::uint32_t operand : problem.classes[at].options[static_cast<std::size_t>(choice[at])].operands) {
      self(self, operand);
    }
    order.push_back(at);
  };
  for (const std::uint32_t root : section.roots) {
    visit(visit, root);
  }
  return order;
}

Solution evaluate(const Problem& problem, std::vector<std::int32_t> choice) {
  Solver solver(problem);
  Solution result;
  Bits stored(problem.constants.size());
  for (const ProblemSection& section : problem.sections) {
    const SectionCost cost = solver.section_cost(section, choice);
    result.seconds += cost.seconds;
    stored.merge(cost.constants);
  }
  result.cost = result.seconds;
  stored.for_each([&](std::size_t i) {
    result.cost += problem.constants[i].price;
    result.stored_bytes += problem.constants[i].bytes;
  });
  result.choice = std::move(choice);
  return result;
}

Expected<SolveResult> solve(const Problem& problem) {
  Solver solver(problem);

  // Starts: each phase as it likes, the later ones reusing what the earlier store; and one layout for all matrices.
  std::set<std::vector<graph::Lane>> layouts;
  for (const Constant& constant : problem.constants) {
    layouts.insert(constant.type.lanes);
  }
  std::vector<Incumbent> starts;
  for (const bool backwards : {false, true}) {
    starts.emplace_back(problem, solver, start(problem, solver, solver.prices(), backwards));
    for (const std::vector<graph::Lane>& layout : layouts) {
      std::vector<double> prices = solver.prices();
      for (std::size_t i = 0; i < prices.size(); ++i) {
        if (!problem.constants[i].matrices.empty() && problem.constants[i].type.lanes != layout) {
          prices[i] = kInfinity;
        }
      }
      starts.emplace_back(problem, solver, start(problem, solver, std::move(prices), backwards));
    }
  }
  std::stable_sort(starts.begin(), starts.end(), [](const Incumbent& a, const Incumbent& b) { return a.cost() < b.cost(); });
  if (starts.front().cost() == kInfinity) {
    for (const ProblemSection& section : problem.sections) {
      std::vector<std::int32_t> choice(problem.classes.size(), Solution::kNoOption);
      if (!solver.greedy(section, solver.prices(), choice)) {
        return fail(ErrorKind::infeasible,
                    fmt::format("no kernels for the {} of {} on this CPU", section.section, section.phase),
                    "enable more rule families, or try another --dtype");
      }
    }
    return fail(ErrorKind::internal, "every start of the extraction is cyclic");
  }

  SolveResult result;
  result.greedy_seconds = evaluate(problem, starts.front().choice()).seconds;
  constexpr std::size_t kImproved = 2;
  const Incumbent* best = nullptr;
  for (std::size_t i = 0; i < std::min(kImproved, starts.size()) && starts[i].cost() < kInfinity; ++i) {
    for (bool improved = true; improved;) {
      improved = starts[i].improve_options();
      improved = starts[i].improve_constants() || improved;
      improved = starts[i].improve_sharing() || improved;
    }
    if (best == nullptr || better(starts[i].cost(), best->cost())) {
      best = &starts[i];
    }
  }
  result.best = evaluate(problem, best->choice());
  return result;
}

std::vector<LayoutChoice> layout_choices(const Problem& problem, const Solution& solution) {
  Solver solver(problem);
  return layout_choices_of(problem, Incumbent(problem, solver, solution.choice));
}

}  // namespace nntune::extract
