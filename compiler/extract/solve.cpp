#include "compiler/extract/solve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <deque>
#include <set>
#include <utility>

#include "compiler/dag/extract.h"
#include "compiler/dag/incumbent.h"
#include "compiler/extract/forms.h"
#include "compiler/extract/instance.h"

namespace nntune::extract {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::chrono::milliseconds kUnlimited{1'000'000};

/// Solves with one layout of each state.
class Solver {
 public:
  Solver(const Problem& problem, double capacity_bytes, const StateLayouts& layouts)
      : problem_(problem), instance_(to_instance(problem, capacity_bytes, &layouts)), greedy_(instance_) {}

  /// What greed finds in a moment.
  [[nodiscard]] dag::Choice glance() { return by_sections(instance_.cost, false); }
  [[nodiscard]] dag::Choice best_start();
  /// By changes of classes and of forms; the choice is complete.
  [[nodiscard]] dag::Choice improved(dag::Choice choice);
  /// What another solver chose, as far as its layouts of states allow, and changed class by class.
  /// \param taken  by class of the instance, constants too: an option, kNoOption where none is taken
  [[nodiscard]] dag::Choice moved(const std::vector<std::int32_t>& taken);
  [[nodiscard]] std::vector<std::int32_t> taken(const dag::Choice& choice) const;
  /// By random changes of prices.
  Expected<dag::DagExtraction> searched(dag::Choice start, std::int64_t rounds);
  /// Of what is equal the first.
  [[nodiscard]] Solution settled(const dag::Choice& choice);

  [[nodiscard]] dag::Value value(const dag::Choice& choice) const { return dag::evaluate(instance_, choice); }
  [[nodiscard]] Solution solution_of(const dag::Choice& choice) const {
    return evaluate(problem_, to_options(problem_, instance_, choice));
  }
  [[nodiscard]] dag::Choice nodes_of(const Solution& solution) const {
    return to_nodes(problem_, instance_, solution.choice);
  }
  /// Of a problem that no layout of the states can solve.
  [[nodiscard]] tl::unexpected<Error> no_program();

 private:
  [[nodiscard]] dag::Choice by_sections(const std::vector<double>& price, bool backwards);
  void improve_classes(dag::Incumbent& incumbent);

  const Problem& problem_;
  const egraph::ExtractionInstance instance_;
  dag::Greedy greedy_;
};

bool never() { return false; }

/// A search that ends by its rounds, so that the result is the same everywhere.
dag::ExtractOptions counted(std::int64_t rounds) {
  dag::ExtractOptions options;
  options.search_time = kUnlimited;
  options.search_rounds = rounds;
  return options;
}

/// What one section needs, first of all its constants, is there for the next ones.
dag::Choice Solver::by_sections(const std::vector<double>& price, bool backwards) {
  dag::Choice fixed(instance_.class_count(), dag::kNone);
  std::vector<bool> seen(instance_.class_count(), false);
  for (std::size_t n = 0; n < problem_.sections.size(); ++n) {
    const ProblemSection& section = problem_.sections[backwards ? problem_.sections.size() - 1 - n : n];
    const dag::Choice choice = greedy_.run(price, dag::Greedy::Sharing::dag, fixed);
    for (const std::uint32_t c : needed_for(instance_, choice, section.roots, seen)) fixed[c] = choice[c];
  }
  return fixed;
}

dag::Choice Solver::best_start() {
  dag::Choice best;
  dag::Value value;
  const auto consider = [&](const std::vector<double>& price) {
    for (const bool backwards : {false, true}) {
      dag::Choice choice = by_sections(price, backwards);
      const dag::Value now = dag::evaluate(instance_, choice);
      if (!best.empty() && !better(now, value)) continue;
      best = std::move(choice);
      value = now;
    }
  };
  consider(instance_.cost);
  // The phases must agree on one layout for each matrix.
  std::set<std::vector<graph::Lane>> layouts;
  for (const Constant& constant : problem_.constants) layouts.insert(constant.type.lanes);
  for (const std::vector<graph::Lane>& layout : layouts) {
    std::vector<double> price = instance_.cost;
    for (std::uint32_t i = 0; i < problem_.constants.size(); ++i) {
      const Constant& constant = problem_.constants[i];
      if (constant.matrices.empty() || constant.type.lanes == layout) continue;
      price[node_of_constant(problem_, instance_, i)] = kInfinity;
    }
    consider(price);
  }
  return best;
}

void Solver::improve_classes(dag::Incumbent& incumbent) {
  do {
    incumbent.complete(greedy_);
  } while (incumbent.improve(never) || incumbent.share(greedy_, never));
}

dag::Choice Solver::improved(dag::Choice choice) {
  dag::Incumbent best(instance_, std::move(choice));
  improve_classes(best);
  Forms forms(problem_, instance_, greedy_);
  forms.look_at(best.choice());
  const auto constants = static_cast<std::uint32_t>(problem_.constants.size());
  std::uint32_t since = 0;  // constants looked at since the last improvement
  for (std::uint32_t i = 0; since < constants; i = i + 1 == constants ? 0 : i + 1, ++since) {
    if (problem_.constants[i].matrices.empty() || (forms.stores(i) && !forms.contested(i))) continue;
    dag::Choice other = forms.only(i);
    const dag::Value value = dag::evaluate(instance_, other);
    if (!value.complete()) continue;
    // Far worse becomes better by single changes only seldom.
    constexpr double kNear = 1.02;
    if (best.value().feasible() && value.cost > kNear * best.value().cost) continue;
    dag::Incumbent next(instance_, std::move(other));
    next.complete(greedy_);
    next.improve(never);
    if (!better(next.value(), best.value())) continue;
    best = std::move(next);
    improve_classes(best);
    forms.look_at(best.choice());
    since = 0;
  }
  return best.choice();
}

tl::unexpected<Error> Solver::no_program() {
  const dag::Choice choice = greedy_.run(instance_.cost, dag::Greedy::Sharing::tree);
  for (const ProblemSection& section : problem_.sections) {
    if (std::ranges::none_of(section.roots, [&](std::uint32_t root) { return choice[root] == dag::kNone; })) continue;
    return fail(ErrorKind::infeasible,
                fmt::format("no kernels for the {} of {}, {} token{}, on this CPU", section.section, section.phase,
                            section.rows, section.rows == 1 ? "" : "s"),
                "enable more rule families, or try another --dtype");
  }
  return fail(ErrorKind::internal, "every start of the extraction is cyclic");
}

std::vector<std::int32_t> Solver::taken(const dag::Choice& choice) const {
  std::vector<std::uint32_t> order;
  (void)dag::evaluate(instance_, choice, &order);
  std::vector<std::int32_t> options(instance_.class_count(), Solution::kNoOption);
  for (const std::uint32_t c : order) options[c] = static_cast<std::int32_t>(choice[c] - instance_.class_begin[c]);
  return options;
}

dag::Choice Solver::moved(const std::vector<std::int32_t>& taken) {
  std::vector<double> price = instance_.cost;
  for (std::uint32_t c = 0; c < taken.size(); ++c) {
    if (taken[c] == Solution::kNoOption || instance_.class_begin[c] == instance_.class_begin[c + 1]) continue;
    price[instance_.class_begin[c] + static_cast<std::uint32_t>(taken[c])] = 0;
  }
  dag::Choice choice = greedy_.run(price, dag::Greedy::Sharing::dag);
  if (!value(choice).complete()) return choice;
  dag::Incumbent incumbent(instance_, std::move(choice));
  improve_classes(incumbent);
  return incumbent.choice();
}

Expected<dag::DagExtraction> Solver::searched(dag::Choice start, std::int64_t rounds) {
  dag::ExtractOptions options = counted(rounds);
  options.start = std::move(start);
  return dag::extract(instance_, options);
}

Solution Solver::settled(const dag::Choice& choice) {
  dag::Incumbent incumbent(instance_, choice);
  incumbent.settle_ties();
  incumbent.complete(greedy_);
  return solution_of(incumbent.choice());
}

std::vector<StateLayouts> combinations(const Problem& problem) {
  std::vector<StateLayouts> result = {{}};
  for (const ProblemState& state : problem.states) {
    std::vector<StateLayouts> longer;
    for (const StateLayouts& shorter : result) {
      for (std::uint32_t layout = 0; layout < state.types.size(); ++layout) {
        longer.push_back(shorter);
        longer.back().push_back(layout);
      }
    }
    result = std::move(longer);
  }
  return result;
}

/// Layouts of the states with the best choice known so far.
struct Candidate {
  Candidate(const Problem& problem, double capacity_bytes, const StateLayouts& state_layouts)
      : layouts(state_layouts), solver(problem, capacity_bytes, layouts) {}

  void take(dag::Choice made) {
    choice = std::move(made);
    value = solver.value(choice);
  }

  StateLayouts layouts;
  Solver solver;
  dag::Choice choice;
  dag::Value value;
};

/// All layouts of the states, and which of them is best so far.
class Candidates {
 public:
  Candidates(const Problem& problem, double capacity_bytes) {
    for (const StateLayouts& layouts : combinations(problem)) {
      all_.emplace_back(problem, capacity_bytes, layouts);
      all_.back().take(all_.back().solver.glance());
    }
    best_ = least();
  }

  [[nodiscard]] Candidate& best() { return *best_; }
  [[nodiscard]] Candidate& first() { return all_.front(); }
  [[nodiscard]] std::size_t size() const { return all_.size(); }

  /// Tries the other layouts with what the best one has, as long as one of them is better.
  void settle() {
    for (;;) {
      const std::vector<std::int32_t> taken = best_->solver.taken(best_->choice);
      for (Candidate& each : all_) {
        if (&each != best_) each.take(each.solver.moved(taken));
      }
      Candidate* const now = least();
      if (now == best_ || !better(now->value, best_->value)) return;
      best_ = now;
      best_->take(best_->solver.improved(best_->choice));
    }
  }

  /// A cheaper program than the best, found elsewhere.
  void take(const Solution& solution) {
    const auto fits = [&](const Candidate& each) {
      return std::ranges::equal(solution.states, each.layouts, [](std::uint32_t taken, std::uint32_t layout) {
        return taken == Solution::kNoLayout || taken == layout;
      });
    };
    best_ = &*std::ranges::find_if(all_, fits);
    best_->take(best_->solver.nodes_of(solution));
  }

  /// Those of other layouts, cheapest first.
  [[nodiscard]] std::vector<Solution> others() {
    std::vector<Solution> result;
    for (const Candidate& each : all_) {
      if (&each != best_ && each.value.feasible()) result.push_back(each.solver.solution_of(each.choice));
    }
    std::ranges::stable_sort(result, {}, &Solution::cost);
    return result;
  }

 private:
  /// The earlier of equal ones.
  [[nodiscard]] Candidate* least() {
    Candidate* result = &all_.front();
    for (Candidate& each : all_) {
      if (better(each.value, result->value)) result = &each;
    }
    return result;
  }

  std::deque<Candidate> all_;
  Candidate* best_ = nullptr;
};

/// How little any program may cost, by its relaxation in which sections may take different layouts of a state.
Expected<dag::DagExtraction> bounded(const egraph::ExtractionInstance& relaxed, dag::Choice best,
                                     const SolveOptions& options) {
  dag::ExtractOptions how = counted(0);
  how.start = std::move(best);
  if (options.proof_limit.count() > 0) {
    how.exact = true;
    how.limit = options.proof_limit;
  }
  return dag::extract(relaxed, how);
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
  enum class State : std::uint8_t { unseen, open, done };
  std::vector<State> states(problem.classes.size(), State::unseen);
  std::vector<bool> stored(problem.constants.size(), false);
  Solution result;
  result.choice = std::move(choice);
  result.states.assign(problem.states.size(), Solution::kNoLayout);
  const auto visit = [&](const auto& self, std::uint32_t at) -> void {
    if (states[at] == State::done) return;
    const std::int32_t taken = result.choice[at];
    if (states[at] == State::open || taken == Solution::kNoOption) {
      result.seconds = kInfinity;
      return;
    }
    states[at] = State::open;
    if (const ProblemClass& item = problem.classes[at]; item.state != ProblemClass::kNoState) {
      std::uint32_t& layout = result.states[item.state];
      if (layout != Solution::kNoLayout && layout != item.layout) result.seconds = kInfinity;
      layout = item.layout;
    }
    const Option& option = problem.classes[at].options[static_cast<std::size_t>(taken)];
    result.seconds += option.seconds;
    for (const std::uint32_t constant : option.constants) stored[constant] = true;
    for (const std::uint32_t operand : option.operands) self(self, operand);
    states[at] = State::done;
  };
  for (const ProblemSection& section : problem.sections) {
    for (const std::uint32_t root : section.roots) visit(visit, root);
  }
  result.cost = result.seconds;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    if (!stored[i]) continue;
    result.cost += problem.constants[i].price;
    result.stored_bytes += problem.constants[i].bytes;
  }
  return result;
}

Expected<SolveResult> solve(const Problem& problem, const SolveOptions& options) {
  Candidates candidates(problem, options.capacity_bytes);
  SolveResult result;
  {
    Candidate& best = candidates.best();
    dag::Choice start = best.solver.best_start();
    if (!best.solver.value(start).complete()) return candidates.first().solver.no_program();
    result.greedy_seconds = best.solver.solution_of(start).seconds;
    best.take(best.solver.improved(std::move(start)));
  }
  candidates.settle();
  for (const Candidate* searched = nullptr; searched != &candidates.best();) {
    Candidate& best = candidates.best();
    searched = &best;
    NNTUNE_ASSIGN(dag::DagExtraction found, best.solver.searched(best.choice, options.rounds));
    result.lower_bound = found.lower_bound;
    if (!better(best.solver.value(found.choice), best.value)) break;
    best.take(std::move(found.choice));
    candidates.settle();
  }
  const bool open = dag::cheaper(result.lower_bound, candidates.best().value.cost);
  if (candidates.size() > 1 || (open && options.proof_limit.count() > 0)) {
    const Solution best = candidates.best().solver.solution_of(candidates.best().choice);
    const egraph::ExtractionInstance relaxed = to_instance(problem, options.capacity_bytes);
    NNTUNE_ASSIGN(const dag::DagExtraction found, bounded(relaxed, to_nodes(problem, relaxed, best.choice), options));
    // Of one layout alone the bound of the search holds, too.
    result.lower_bound = candidates.size() > 1 ? found.lower_bound : std::max(result.lower_bound, found.lower_bound);
    result.solver_trouble = found.solver_trouble;
    // How far an unfinished proof came depends on the machine.
    if (found.optimal && dag::cheaper(found.cost, best.cost)) {
      const Solution proved = evaluate(problem, to_options(problem, relaxed, found.choice));
      if (dag::cheaper(proved.cost, best.cost)) candidates.take(proved);
    }
  }
  result.best = candidates.best().solver.settled(candidates.best().choice);
  result.other_states = candidates.others();
  result.lower_bound = std::min(result.lower_bound, result.best.cost);
  return result;
}

Expected<double> least_stored_bytes(const Problem& problem) {
  Expected<double> least = fail(ErrorKind::internal, "there are no layouts of the states");
  for (const StateLayouts& layouts : combinations(problem)) {
    egraph::ExtractionInstance instance = to_instance(problem, kInfinity, &layouts);
    instance.cost = std::exchange(instance.bytes, {});
    const Expected<dag::DagExtraction> found = dag::extract(instance, counted(SolveOptions().rounds));
    if (!least || (found && found->cost < *least)) {
      least = found.map([](const dag::DagExtraction& each) { return each.cost; });
    }
  }
  return least;
}

}  // namespace nntune::extract
