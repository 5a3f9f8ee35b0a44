#include "compiler/schedule/short_name.h"

#include <fmt/format.h>

#include <string_view>

namespace nntune::schedule {
namespace {

using graph::OpKind;

/// dtype and lanes: "bf16<0:32,1:2>".
std::string layout(const graph::TensorType& type) {
  const std::string text = type.text();
  return text.substr(0, text.find('[')) + text.substr(text.find(']') + 1);
}

/// " rms|scale ; add"
std::string chains(const graph::Op& op) {
  std::string result;
  if (!op.prologue().empty()) result += fmt::format(" {}", graph::text(op.prologue()));
  if (!op.epilogue().empty()) result += fmt::format(" ; {}", graph::text(op.epilogue()));
  return result;
}

/// How large it is, as far as its rows do not say it.
std::string size(const Workload& workload) {
  const graph::Op& op = workload.op();
  switch (op.kind()) {
    case OpKind::matmul: {
      const graph::TensorType& w = workload.inputs[operand_map(op).w];
      return fmt::format("{}->{}", w.shape[1], w.shape[0]);
    }
    case OpKind::attention: {
      const auto& attention = op.as<graph::Attention>();
      return fmt::format("{}/{} heads, past {}{}", attention.heads, attention.kv_heads, workload.past,
                         attention.splits > 1 ? fmt::format(", in {} splits", attention.splits) : "");
    }
    case OpKind::attention_merge: {
      const auto& merge = op.as<graph::AttentionMerge>();
      return fmt::format("{} heads, {} splits", merge.heads, merge.splits);
    }
    case OpKind::rowwise:
    case OpKind::cache_append: return workload.output.text();
    case OpKind::embed: return workload.inputs[1].text();
    case OpKind::argmax:
    case OpKind::input:  // from here on no workload is of that kind (RunTime)
    case OpKind::state:
    case OpKind::weight:
    case OpKind::slice:
    case OpKind::concat:
    case OpKind::interleave:
    case OpKind::transpose:
    case OpKind::reshape:
    case OpKind::pack:
    case OpKind::unpack: break;
  }
  return workload.inputs[0].text();
}

}  // namespace

std::string short_name(const Workload& workload) {
  std::string name = fmt::format("{} {}{}", workload.family(), size(workload), chains(workload.op()));
  if (workload.op().kind() == OpKind::matmul) name += ' ' + layout(workload.inputs[operand_map(workload.op()).w]);
  return name;
}

}  // namespace nntune::schedule
