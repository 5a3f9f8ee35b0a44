#include "compiler/extract/run_time_packs.h"

#include <algorithm>
#include <map>

namespace nntune::extract {
namespace {

using graph::OpKind;
using graph::StepKind;

bool only_packs(const graph::Op& op) {
  return op.kind() == OpKind::rowwise && std::ranges::all_of(op.prologue(), [](const graph::Step& step) {
           return step.kind == StepKind::pack || step.kind == StepKind::cast;
         });
}

}  // namespace

std::vector<MatmulInput> matmul_inputs(const SectionProgram& section) {
  std::vector<MatmulInput> result;
  std::map<std::size_t, std::size_t> writer;                            // of each buffer so far
  std::vector<std::optional<std::size_t>> maker(section.steps.size());  // of what a step reads first
  for (std::size_t i = 0; i < section.steps.size(); ++i) {
    const KernelStep& step = section.steps[i];
    const std::size_t x = schedule::operand_map(step.workload.op()).x;
    const Value& value = step.inputs[x];
    if (value.kind == ValueKind::buffer) maker[i] = writer.at(value.index);
    if (step.output.kind == ValueKind::buffer) writer[step.output.index] = i;
    if (step.workload.op().kind() != OpKind::matmul) continue;

    MatmulInput input{.step = i, .maker = maker[i]};
    if (step.workload.inputs[x].packed()) {
      input.layout = InputLayout::packed_by_maker;
      if (maker[i] && only_packs(section.steps[*maker[i]].workload.op())) {
        input.layout = InputLayout::packed_by_a_kernel;
        const auto before = maker[*maker[i]];
        const OpKind kind = before ? section.steps[*before].workload.op().kind() : OpKind::input;
        input.between_matmuls = kind == OpKind::matmul || kind == OpKind::attention;
      }
    }
    result.push_back(input);
  }
  return result;
}

}  // namespace nntune::extract
