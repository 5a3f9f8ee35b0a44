#include "compiler/extract/solve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
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

class Solver {
 public:
  Solver(const Problem& problem, double capacity_bytes)
      : problem_(problem), instance_(to_instance(problem, capacity_bytes)), greedy_(instance_) {}

  Expected<SolveResult> run(const SolveOptions& options);

 private:
  [[nodiscard]] dag::Choice by_sections(const std::vector<double>& price, bool backwards);
  [[nodiscard]] dag::Choice best_start();
  [[nodiscard]] dag::Choice improved(dag::Choice choice);
  void improve_classes(dag::Incumbent& incumbent);
  [[nodiscard]] tl::unexpected<Error> no_program();
  [[nodiscard]] Solution solution_of(const dag::Choice& choice) {
    return evaluate(problem_, to_options(problem_, instance_, choice));
  }

  const Problem& problem_;
  const egraph::ExtractionInstance instance_;
  dag::Greedy greedy_;
};

bool never() { return false; }

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

Expected<SolveResult> Solver::run(const SolveOptions& options) {
  dag::Choice start = best_start();
  if (!dag::evaluate(instance_, start).complete()) return no_program();
  SolveResult result;
  result.greedy_seconds = solution_of(start).seconds;

  dag::ExtractOptions search;
  search.search_time = kUnlimited;
  search.search_rounds = options.rounds;
  search.start = improved(std::move(start));
  NNTUNE_ASSIGN(dag::DagExtraction found, dag::extract(instance_, search));
  result.lower_bound = found.lower_bound;
  if (!found.optimal && options.proof_limit.count() > 0) {
    dag::ExtractOptions proof = search;
    proof.search_time = std::chrono::milliseconds(0);
    proof.exact = true;
    proof.limit = options.proof_limit;
    proof.start = found.choice;
    NNTUNE_ASSIGN(dag::DagExtraction proved, dag::extract(instance_, proof));
    result.lower_bound = std::max(result.lower_bound, proved.lower_bound);
    result.solver_trouble = proved.solver_trouble;
    // How far an unfinished proof came depends on the machine.
    if (proved.optimal && dag::cheaper(proved.cost, found.cost)) found = std::move(proved);
  }
  dag::Incumbent best(instance_, std::move(found.choice));
  best.settle_ties();
  best.complete(greedy_);
  result.best = solution_of(best.choice());
  result.lower_bound = std::min(result.lower_bound, result.best.cost);
  return result;
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
  const auto visit = [&](const auto& self, std::uint32_t at) -> void {
    if (states[at] == State::done) return;
    const std::int32_t taken = result.choice[at];
    if (states[at] == State::open || taken == Solution::kNoOption) {
      result.seconds = kInfinity;
      return;
    }
    states[at] = State::open;
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
  return Solver(problem, options.capacity_bytes).run(options);
}

Expected<double> least_stored_bytes(const Problem& problem) {
  egraph::ExtractionInstance instance = to_instance(problem, kInfinity);
  instance.cost = std::exchange(instance.bytes, {});
  dag::ExtractOptions search;
  search.search_time = kUnlimited;
  search.search_rounds = SolveOptions().rounds;
  NNTUNE_ASSIGN(const dag::DagExtraction found, dag::extract(instance, search));
  return found.cost;
}

}  // namespace nntune::extract
