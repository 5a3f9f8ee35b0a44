#include "compiler/extract/refine.h"

#include <algorithm>

#include "compiler/extract/dag/extract.h"
#include "compiler/extract/greedy.h"

namespace nntune::extract {

egraph::ExtractionInstance to_instance(const Problem& problem, double capacity_bytes) {
  egraph::ExtractionInstance instance;
  instance.capacity = capacity_bytes;
  const auto first_constant = static_cast<std::uint32_t>(problem.classes.size());
  std::vector<std::uint32_t> children;
  for (const ProblemClass& each : problem.classes) {
    instance.add_class();
    for (const Option& option : each.options) {
      children = option.operands;
      for (const std::uint32_t constant : option.constants) children.push_back(first_constant + constant);
      instance.add_node(option.seconds, children);
      instance.bytes.push_back(0);
    }
  }
  for (const Constant& constant : problem.constants) {
    instance.add_class();
    instance.add_node(constant.price, {});
    instance.bytes.push_back(constant.bytes);
  }
  for (const ProblemSection& section : problem.sections) {
    instance.roots.insert(instance.roots.end(), section.roots.begin(), section.roots.end());
  }
  return instance;
}

Expected<Refinement> refine(const Problem& problem, const Solution& start, const RefineOptions& options) {
  const egraph::ExtractionInstance instance = to_instance(problem, options.capacity_bytes);
  const auto first_constant = static_cast<std::uint32_t>(problem.classes.size());
  const auto to_nodes = [&](const Solution& solution) {
    dag::Choice choice(instance.class_count(), dag::kNone);
    for (std::uint32_t c = 0; c < choice.size(); ++c) {
      if (c >= first_constant) {
        choice[c] = instance.class_begin[c];
      } else if (solution.choice[c] != Solution::kNoOption) {
        choice[c] = instance.class_begin[c] + static_cast<std::uint32_t>(solution.choice[c]);
      }
    }
    return choice;
  };
  const auto to_solution = [&](const dag::Choice& choice) {
    std::vector<std::int32_t> options_taken(first_constant, Solution::kNoOption);
    for (std::uint32_t c = 0; c < first_constant; ++c) {
      if (choice[c] != dag::kNone) options_taken[c] = static_cast<std::int32_t>(choice[c] - instance.class_begin[c]);
    }
    Greedy(problem).complete(options_taken);
    return evaluate(problem, std::move(options_taken));
  };

  constexpr std::chrono::milliseconds kUnlimited{1'000'000};
  dag::ExtractOptions search;
  search.search_time = kUnlimited;
  search.search_rounds = options.rounds;
  search.start = to_nodes(start);
  NNTUNE_ASSIGN(const dag::DagExtraction found, dag::extract(instance, search));
  Refinement result{start, found.lower_bound};
  const bool start_fits = start.stored_bytes <= options.capacity_bytes;
  if (!start_fits || better(found.cost, result.best.cost)) result.best = to_solution(found.choice);
  if (found.optimal || options.limit.count() == 0) return result;

  dag::ExtractOptions proof = search;
  proof.search_time = std::chrono::milliseconds(0);
  proof.exact = true;
  proof.limit = options.limit;
  proof.start = to_nodes(result.best);
  NNTUNE_ASSIGN(const dag::DagExtraction proved, dag::extract(instance, proof));
  result.lower_bound = std::max(result.lower_bound, proved.lower_bound);
  // How far an unfinished proof came depends on the machine.
  if (proved.optimal && better(proved.cost, result.best.cost)) result.best = to_solution(proved.choice);
  return result;
}

}  // namespace nntune::extract
