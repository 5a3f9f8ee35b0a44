#include "compiler/kernels/operands.h"

#include <fmt/format.h>

#include <algorithm>

namespace nntune::kernels {
namespace {

loopir::Buffer operand(std::string name, const graph::TensorType& type, int index, bool dense) {
  const bool activation = type.rank() == 2 && !type.packed() && !dense && type.shape[0] != graph::kRunTime;
  return std::make_shared<const loopir::BufferNode>(loopir::BufferNode{.name = std::move(name),
                                                                       .element = scalar_of(type.dtype),
                                                                       .space = loopir::Space::operand,
                                                                       .operand = index,
                                                                       .shape = type.shape,
                                                                       .lanes = type.lanes,
                                                                       .row_stride = activation ? graph::kRunTime : 0});
}

}  // namespace

loopir::Scalar scalar_of(graph::DType dtype) {
  switch (dtype) {
    case graph::DType::f32: return loopir::Scalar::f32;
    case graph::DType::bf16: return loopir::Scalar::bf16;
    case graph::DType::i32: return loopir::Scalar::i32;
    case graph::DType::i8: break;  // refused before
  }
  return loopir::Scalar::f32;
}

void declare_operands(loopir::Function& function, const schedule::Workload& workload,
                      std::span<const std::size_t> constant) {
  for (std::size_t i = 0; i < workload.inputs.size(); ++i) {
    const bool dense = std::find(constant.begin(), constant.end(), i) != constant.end();
    function.operands.push_back(operand(fmt::format("in{}", i), workload.inputs[i], static_cast<int>(i), dense));
  }
  function.operands.push_back(operand("out", workload.output, static_cast<int>(workload.inputs.size()), false));
}

std::string refuse_types(const schedule::Workload& workload) {
  const auto is_i8 = [](const graph::TensorType& type) { return type.dtype == graph::DType::i8; };
  if (is_i8(workload.output) || std::ranges::any_of(workload.inputs, is_i8)) return "operands of i8 are not generated";
  if (graph::has_step(workload.op().prologue(), graph::StepKind::quantise) ||
      graph::has_step(workload.op().epilogue(), graph::StepKind::quantise)) {
    return "quantising is not generated";
  }
  return "";
}

std::span<const graph::TensorType> types(const schedule::Workload& workload, std::size_t first, std::size_t count) {
  return std::span(workload.inputs).subspan(first, count);
}

std::span<const loopir::Buffer> buffers(const loopir::Function& function, std::size_t first, std::size_t count) {
  return std::span(function.operands).subspan(first, count);
}

double operand_bytes(const graph::TensorType& type, std::int64_t past) {
  double elements = 1;
  for (const std::int64_t extent : type.shape) elements *= static_cast<double>(extent == graph::kRunTime ? past : extent);
  const double scales = type.block == 0 ? 0 : 4 / static_cast<double>(type.block);
  return elements * (static_cast<double>(graph::size_bytes(type.dtype)) + scales);
}

}  // namespace nntune::kernels
