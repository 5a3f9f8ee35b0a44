#include "compiler/module/weight_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bf16.h"

namespace nntune::module {
namespace {

using graph::DType;
using graph::Node;
using graph::NodeId;
using graph::OpKind;
using graph::Step;
using graph::StepKind;

/// Rows of a matrix in memory at a time while it is transposed.
constexpr std::int64_t kTransposedRows = 16;

std::int64_t rows_of(const graph::TensorType& type) { return type.rank() == 1 ? 1 : type.shape[0]; }

void round_to(DType dtype, std::span<float> values) {
  if (dtype != DType::bf16) return;
  for (float& value : values) value = round_to_bf16(value);
}

tl::unexpected<Error> unsupported(const graph::Op& op) {
  return fail(ErrorKind::unsupported, fmt::format("{} cannot be computed ahead of time", op.text()),
              "this is a bug of nntune, please report it");
}

}  // namespace

Expected<WeightRows> WeightRows::create(const graph::Graph& recipe, const import::WeightSource& source, std::int64_t layer) {
  WeightRows rows(recipe, source, layer);
  NNTUNE_TRY(rows.check());
  NNTUNE_TRY(rows.read_vectors());
  return rows;
}

bool WeightRows::reads_whole_matrix(const graph::Graph& recipe) {
  return std::ranges::any_of(recipe.nodes(), [](const Node& node) { return node.op.kind() == OpKind::transpose; });
}

Status WeightRows::check() const {
  for (const Node& node : recipe_->nodes()) {
    if (node.type.block != 0) {
      return fail(ErrorKind::unsupported, fmt::format("weights of type {} are not stored yet", node.type.text()));
    }
    const bool known = node.op.traits().on_weights &&
                       std::ranges::all_of(node.op.prologue(), [](const Step& step) { return step.traits().on_weights; });
    if (!known) return unsupported(node.op);
  }
  return {};
}

Status WeightRows::read_vectors() {
  for (const Node& node : recipe_->nodes()) {
    if (node.op.kind() != OpKind::rowwise) continue;
    std::size_t next = 1;
    for (const Step& step : node.op.prologue()) {
      if (step.operands() == 0) continue;
      const NodeId id = node.inputs[next++];
      if (step.traits().operand != graph::StepOperand::vector) continue;
      auto& values = vectors_[static_cast<std::size_t>(id)];
      if (!values.empty()) continue;
      values.resize(static_cast<std::size_t>(recipe_->node(id).type.elements()));
      NNTUNE_TRY(read_node(id, 0, 1, values.data()));
    }
  }
  return {};
}

Status WeightRows::read(std::int64_t first, std::int64_t count, float* out) const {
  return read_node(recipe_->outputs().front(), first, count, out);
}

Status WeightRows::read_node(NodeId id, std::int64_t first, std::int64_t count, float* out) const {
  const Node& node = recipe_->node(id);
  switch (node.op.kind()) {
    case OpKind::weight: {
      NNTUNE_TRY(source_->read_rows(node.op.as<graph::Weight>().name, layer_, first, count, out));
      round_to(node.type.dtype, {out, static_cast<std::size_t>(count * node.type.shape.back())});
      return {};
    }
    case OpKind::pack:
    case OpKind::unpack: return read_node(node.inputs[0], first, count, out);
    case OpKind::rowwise: return read_rowwise(node, first, count, out);
    case OpKind::slice: return read_slice(node, first, count, out);
    case OpKind::transpose: return read_transpose(node, first, count, out);
    case OpKind::reshape: return read_reshape(node, first, count, out);
    case OpKind::concat:
    case OpKind::interleave: return read_stack(node, first, count, out);
    case OpKind::input:
    case OpKind::state:
    case OpKind::embed:
    case OpKind::matmul:
    case OpKind::attention:
    case OpKind::attention_merge:
    case OpKind::cache_append:
    case OpKind::argmax: break;  // OpTraits::on_weights
  }
  return unsupported(node.op);
}

Status WeightRows::read_rowwise(const Node& node, std::int64_t first, std::int64_t count, float* out) const {
  NNTUNE_TRY(read_node(node.inputs[0], first, count, out));
  const std::int64_t columns = node.type.shape.back();
  std::size_t next = 1;
  for (const Step& step : node.op.prologue()) {
    switch (step.kind) {
      case StepKind::cast: round_to(step.dtype, {out, static_cast<std::size_t>(count * columns)}); break;
      case StepKind::pack: break;
      case StepKind::add: {
        std::vector<float> other(static_cast<std::size_t>(count * columns));
        NNTUNE_TRY(read_node(node.inputs[next++], first, count, other.data()));
        for (std::size_t i = 0; i < other.size(); ++i) out[i] += other[i];
        break;
      }
      case StepKind::scale: {
        const std::vector<float>& scale = vectors_[static_cast<std::size_t>(node.inputs[next++])];
        const auto period = static_cast<std::int64_t>(scale.size());
        for (float* x = out; x != out + count * columns; x += period) {
          for (std::int64_t c = 0; c < period; ++c) x[c] *= scale[static_cast<std::size_t>(c)];
        }
        break;
      }
      case StepKind::rms:
      case StepKind::bias:
      case StepKind::swiglu:
      case StepKind::swiglu_split:
      case StepKind::swiglu_pairs:
      case StepKind::rope:
      case StepKind::softmax:
      case StepKind::quantise: return unsupported(node.op);  // StepTraits::on_weights
    }
  }
  return {};
}

Status WeightRows::read_slice(const Node& node, std::int64_t first, std::int64_t count, float* out) const {
  const auto cut = node.op.as<graph::Slice>();
  if (cut.axis == 0) return read_node(node.inputs[0], cut.begin + first, count, out);
  const std::int64_t wide = recipe_->node(node.inputs[0]).type.shape.back();
  const std::int64_t narrow = node.type.shape.back();
  std::vector<float> whole(static_cast<std::size_t>(count * wide));
  NNTUNE_TRY(read_node(node.inputs[0], first, count, whole.data()));
  for (std::int64_t row = 0; row < count; ++row) {
    std::copy_n(whole.data() + row * wide + cut.begin, narrow, out + row * narrow);
  }
  return {};
}

/// Rows first.. of the result are columns of x, which is read a block of rows at a time.
Status WeightRows::read_transpose(const Node& node, std::int64_t first, std::int64_t count, float* out) const {
  const std::int64_t columns = node.type.shape.back();  // rows of x
  const std::int64_t wide = node.type.shape[0];
  std::vector<float> block(static_cast<std::size_t>(kTransposedRows * wide));
  for (std::int64_t begin = 0; begin < columns; begin += kTransposedRows) {
    const std::int64_t rows = std::min(kTransposedRows, columns - begin);
    NNTUNE_TRY(read_node(node.inputs[0], begin, rows, block.data()));
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t r = 0; r < rows; ++r) {
        out[i * columns + begin + r] = block[static_cast<std::size_t>(r * wide + first + i)];
      }
    }
  }
  return {};
}

Status WeightRows::read_reshape(const Node& node, std::int64_t first, std::int64_t count, float* out) const {
  const std::int64_t columns = node.type.shape.back();
  const std::int64_t wide = recipe_->node(node.inputs[0]).type.shape.back();
  const std::int64_t begin = first * columns;  // in elements
  const std::int64_t first_row = begin / wide;
  const std::int64_t rows = ((first + count) * columns + wide - 1) / wide - first_row;
  std::vector<float> whole(static_cast<std::size_t>(rows * wide));
  NNTUNE_TRY(read_node(node.inputs[0], first_row, rows, whole.data()));
  std::copy_n(whole.data() + (begin - first_row * wide), count * columns, out);
  return {};
}

Status WeightRows::read_stack(const Node& node, std::int64_t first, std::int64_t count, float* out) const {
  const std::int64_t columns = node.type.shape.back();
  while (count > 0) {
    // The longest run of rows that one operand has.
    std::size_t from = 0;
    std::int64_t row = first, run = 0;
    if (const auto* interleave = node.op.get_if<graph::Interleave>()) {
      const std::int64_t group = interleave->group;
      const std::int64_t block = first / group;
      from = static_cast<std::size_t>(block % 2);
      row = block / 2 * group + first % group;
      run = group - first % group;
    } else {
      while (row >= rows_of(recipe_->node(node.inputs[from]).type)) row -= rows_of(recipe_->node(node.inputs[from++]).type);
      run = rows_of(recipe_->node(node.inputs[from]).type) - row;
    }
    run = std::min(run, count);
    NNTUNE_TRY(read_node(node.inputs[from], row, run, out));
    first += run;
    count -= run;
    out += run * columns;
  }
  return {};
}

}  // namespace nntune::module
