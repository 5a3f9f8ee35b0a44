#include "compiler/extract/rotation.h"

#include <algorithm>
#include <utility>

#include "compiler/dag/evaluate.h"

namespace nntune::extract {
namespace {

Expected<SolveResult> solve_cut(const Problem& problem, bool smallest, SolveOptions options) {
  if (smallest) {
    NNTUNE_ASSIGN(options.capacity_bytes, least_stored_bytes(problem));
  }
  return solve(problem, options);
}

Expected<CutProblem> solve_with(const Problem& problem, std::vector<bool> rotated, bool smallest,
                                const SolveOptions& options) {
  CutProblem result{std::move(rotated), {}, {}};
  result.problem = with_cuts(problem, result.rotated);
  NNTUNE_ASSIGN(result.solved, solve_cut(result.problem, smallest, options));
  return result;
}

}  // namespace

std::vector<graph::NodeId> last_addends(const graph::Section& section) {
  if (section.repeat < 2 || section.graph.outputs().empty()) return {};
  const graph::Node& last = section.graph.node(section.graph.outputs()[0]);
  if (last.op != graph::rowwise({{.kind = graph::StepKind::add}})) return {};
  const auto like_last = [&](graph::NodeId id) { return section.graph.node(id).type == last.type; };
  return std::ranges::all_of(last.inputs, like_last) ? last.inputs : std::vector<graph::NodeId>();
}

bool rotation_may_pay(std::span<const graph::Phase> phases, const Program& program) {
  for (std::size_t p = 0; p < phases.size(); ++p) {
    for (std::size_t s = 0; s < phases[p].sections.size(); ++s) {
      if (last_addends(phases[p].sections[s]).empty()) continue;
      const SectionProgram& section = program.phases[p].sections[s];
      const Value& x = section.outputs[0];
      const auto maker = std::find_if(section.steps.rbegin(), section.steps.rend(), [&](const KernelStep& step) {
        return step.output.kind == x.kind && step.output.index == x.index;
      });
      if (maker == section.steps.rend() || maker->workload.op.kind() != graph::OpKind::matmul) return true;
    }
  }
  return false;
}

Problem with_cuts(Problem problem, const std::vector<bool>& rotated) {
  for (ProblemClass& item : problem.classes) {
    const ProblemSection& section = problem.sections[item.section];
    const Cut missing = rotated[section.phase_number] ? Cut::behind_sum : Cut::before_sum;
    if (section.rotatable) std::erase_if(item.options, [&](const Option& option) { return option.cut == missing; });
  }
  for (ProblemSection& section : problem.sections) {
    if (rotated[section.phase_number] && !section.cut_roots.empty()) section.roots = section.cut_roots;
  }
  return problem;
}

Expected<CutProblem> choose_cuts(const Problem& problem, Rotation rotation, bool smallest, const SolveOptions& options) {
  std::vector<bool> possible;
  for (const ProblemSection& section : problem.sections) {
    possible.resize(std::max(possible.size(), section.phase_number + 1), false);
    if (section.rotatable) possible[section.phase_number] = true;
  }
  if (rotation == Rotation::always) return solve_with(problem, possible, smallest, options);
  const std::vector<bool> none(possible.size(), false);
  if (rotation == Rotation::off || possible == none) return solve_with(problem, none, smallest, options);

  SolveOptions quick = options;
  quick.proof_limit = std::chrono::milliseconds(0);
  NNTUNE_ASSIGN(CutProblem best, solve_with(problem, none, smallest, quick));
  for (std::size_t phase = 0; phase < possible.size(); ++phase) {
    if (!possible[phase]) continue;
    std::vector<bool> rotated = best.rotated;
    rotated[phase] = true;
    NNTUNE_ASSIGN(CutProblem other, solve_with(problem, std::move(rotated), smallest, quick));
    if (dag::cheaper(other.solved.best.cost, best.solved.best.cost)) best = std::move(other);
  }
  if (options.proof_limit.count() > 0) {
    NNTUNE_ASSIGN(best.solved, solve_cut(best.problem, smallest, options));
  }
  return best;
}

}  // namespace nntune::extract
