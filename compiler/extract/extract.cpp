#include "compiler/extract/extract.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <set>

#include "compiler/egraph/smallest_term.h"
#include "compiler/extract/layouts.h"
#include "compiler/extract/lower.h"
#include "compiler/extract/problem.h"
#include "compiler/extract/rule_steps.h"
#include "compiler/extract/rule_trace.h"
#include "compiler/extract/saturate.h"
#include "compiler/extract/solve.h"
#include "compiler/rules/language.h"

namespace nntune::extract {

namespace {

/// Different choices of options from the roots down, shared parts counted as if they were not; for people and tests.
double count_programs(const Problem& problem) {
  std::vector<double> counts(problem.classes.size(), 0);
  double result = 0;
  for (const ProblemSection& section : problem.sections) {
    for (const std::uint32_t at : section.classes) {
      for (const Option& option : problem.classes[at].options) {
        double product = 1;
        for (const std::uint32_t operand : option.operands) {
          product *= counts[operand];
        }
        counts[at] += product;
      }
    }
    for (const std::uint32_t root : section.roots) {
      result += counts[root];
    }
  }
  return result;
}

std::vector<Decision> decisions(const egraph::EGraph& graph, const Problem& problem, const Solution& solution,
                                const RuleSteps* steps) {
  std::vector<Decision> result;
  std::vector<std::int32_t> choice = solution.choice;
  for (const ProblemSection& section : problem.sections) {
    for (const std::uint32_t at : needed_classes(problem, solution.choice, section)) {
      const auto& options = problem.classes[at].options;
      const auto chosen = static_cast<std::size_t>(solution.choice[at]);
      if (options[chosen].workload < 0) {
        continue;
      }
      const auto workload = static_cast<std::size_t>(options[chosen].workload);
      Decision decision;
      decision.phase = section.phase;
      decision.section = section.section;
      decision.chosen = problem.workloads[workload];
      decision.cost = problem.costs[workload];
      decision.calls = section.calls;
      decision.alternatives = options.size() - 1;
      decision.class_id = problem.classes[at].id;
      if (steps != nullptr) decision.rules = steps->to(options[chosen].node);
      double least = std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < options.size(); ++i) {
        if (i == chosen) {
          continue;
        }
        choice[at] = static_cast<std::int32_t>(i);
        const Solution trial = evaluate(problem, choice);
        if (trial.cost < std::numeric_limits<double>::infinity()) {
          Alternative& other = decision.others.emplace_back();
          other.node = graph.text(options[i].node);
          other.growth_seconds = trial.cost - solution.cost;
          if (options[i].workload >= 0) {
            other.workload = problem.workloads[static_cast<std::size_t>(options[i].workload)];
            other.cost = problem.costs[static_cast<std::size_t>(options[i].workload)];
          }
        }
        if (trial.cost < least) {
          least = trial.cost;
          decision.runner_up = graph.text(options[i].node);
          decision.runner_up_seconds = trial.cost - solution.cost;
          decision.runner_up_workload.clear();
          if (options[i].workload >= 0) {
            decision.runner_up_workload.push_back(problem.workloads[static_cast<std::size_t>(options[i].workload)]);
          }
        }
      }
      choice[at] = solution.choice[at];
      std::stable_sort(decision.others.begin(), decision.others.end(),
                       [](const Alternative& a, const Alternative& b) { return a.growth_seconds < b.growth_seconds; });
      result.push_back(std::move(decision));
    }
  }
  return result;
}

std::set<std::int32_t> used_workloads(const Problem& problem, const Solution& solution) {
  std::set<std::int32_t> result;
  for (const ProblemSection& section : problem.sections) {
    for (const std::uint32_t at : needed_classes(problem, solution.choice, section)) {
      result.insert(problem.classes[at].options[static_cast<std::size_t>(solution.choice[at])].workload);
    }
  }
  return result;
}

/// Those of a solution that are not among `known`.
std::vector<schedule::Workload> workloads_beside(const Problem& problem, const Solution& solution,
                                                 const std::set<std::int32_t>& known) {
  std::vector<schedule::Workload> result;
  for (const std::int32_t workload : used_workloads(problem, solution)) {
    if (workload >= 0 && !known.contains(workload)) result.push_back(problem.workloads[static_cast<std::size_t>(workload)]);
  }
  return result;
}

std::vector<LayoutDecision> layout_decisions(const egraph::SmallestTerms& terms, const Problem& problem,
                                             const Solution& solution) {
  std::vector<LayoutDecision> result;
  const std::set<std::int32_t> chosen = used_workloads(problem, solution);
  for (const LayoutChoice& choice : layout_choices(problem, solution)) {
    LayoutDecision decision;
    decision.weight = terms.term(problem.constants[choice.stored].id).text();
    decision.type = problem.constants[choice.stored].type;
    decision.bytes = problem.constants[choice.stored].bytes;
    if (choice.runner_up != LayoutChoice::kNone) {
      decision.runner_up = terms.term(problem.constants[choice.runner_up].id).text();
      decision.runner_up_seconds = choice.solution.seconds - solution.seconds;
      decision.runner_up_type = problem.constants[choice.runner_up].type;
      decision.runner_up_bytes = problem.constants[choice.runner_up].bytes;
      decision.workloads = workloads_beside(problem, choice.solution, chosen);
    }
    if (choice.second) {
      const Constant& other = problem.constants[choice.second->constant];
      decision.both = StoredTwice{other.type, other.bytes, choice.second->saved_seconds, other.price};
    }
    result.push_back(std::move(decision));
  }
  return result;
}

std::vector<StateDecision> state_decisions(const Problem& problem, const SolveResult& solved) {
  std::vector<StateDecision> result;
  const std::set<std::int32_t> chosen = used_workloads(problem, solved.best);
  for (std::size_t i = 0; i < problem.states.size(); ++i) {
    const ProblemState& state = problem.states[i];
    const std::uint32_t layout = solved.best.states[i];
    if (layout == Solution::kNoLayout) continue;
    StateDecision decision{.number = state.number, .type = state.types[layout]};
    const auto other = std::ranges::find_if(solved.other_states, [&](const Solution& each) {
      return each.states[i] != layout && each.states[i] != Solution::kNoLayout;
    });
    if (other != solved.other_states.end()) {
      decision.runner_up = state.types[other->states[i]];
      decision.runner_up_seconds = other->seconds - solved.best.seconds;
      decision.workloads = workloads_beside(problem, *other, chosen);
    }
    result.push_back(std::move(decision));
  }
  return result;
}

Expected<SolveResult> solve_with(const Problem& problem, const ExtractOptions& options) {
  SolveOptions how{.capacity_bytes = options.stored_bytes_capacity, .proof_limit = options.proof_limit};
  if (options.smallest) {
    NNTUNE_ASSIGN(how.capacity_bytes, least_stored_bytes(problem));
  }
  return solve(problem, how);
}

/// A program and, where wanted, what it was chosen from.
Expected<Extraction> extract_with(std::span<const graph::Phase> phases, const CostModel& costs,
                                  const ExtractOptions& options, bool explained) {
  RuleTrace trace;
  const bool traces = options.trace_rules || options.keep_egraph;
  NNTUNE_ASSIGN(const auto saturated, saturate(phases, options, traces ? &trace : nullptr));
  const rules::Language& language = saturated->language;
  const egraph::EGraph& graph = saturated->graph;
  Extraction result;
  Explanation& explanation = result.explanation;
  explanation.saturation = saturated->report;
  const egraph::SmallestTerms terms(graph);
  NNTUNE_ASSIGN(const Problem problem, make_problem(graph, language, terms, saturated->goals, saturated->layers,
                                                    options.stored_byte_seconds, options.threads, costs));
  NNTUNE_ASSIGN(const SolveResult solved, solve_with(problem, options));
  NNTUNE_ASSIGN(result.program, lower(phases, graph, language, terms, problem, solved.best));
  explanation.nodes = graph.node_count();
  explanation.classes = graph.class_count();
  explanation.workloads = problem.workloads.size();
  explanation.programs = count_programs(problem);
  explanation.objective_seconds = solved.best.seconds;
  explanation.greedy_seconds = solved.greedy_seconds;
  explanation.stored_bytes = solved.best.stored_bytes;
  explanation.cost = solved.best.cost;
  explanation.lower_bound = solved.lower_bound;
  explanation.solver_trouble = solved.solver_trouble;
  explanation.stored_byte_seconds = options.stored_byte_seconds;
  for (const graph::Phase& phase : phases) {
    explanation.phase_calls.push_back(use_of(phase, phases, options).calls);
  }
  if (options.keep_egraph) {
    explanation.egraph = view_egraph(graph, language, terms, problem, solved.best, trace);
  }
  if (explained) {
    const auto steps = traces ? std::make_unique<RuleSteps>(trace, graph) : nullptr;
    explanation.decisions = decisions(graph, problem, solved.best, steps.get());
    explanation.layouts = layout_decisions(terms, problem, solved.best);
    explanation.states = state_decisions(problem, solved);
  }
  return result;
}

}  // namespace

Expected<Extraction> extract_explained(std::span<const graph::Phase> phases, const CostModel& costs,
                                       const ExtractOptions& options) {
  return extract_with(phases, costs, options, true);
}

Expected<Program> extract(std::span<const graph::Phase> phases, const CostModel& costs, const ExtractOptions& options) {
  NNTUNE_ASSIGN(Extraction extraction, extract_with(phases, costs, options, false));
  return std::move(extraction.program);
}

}  // namespace nntune::extract
