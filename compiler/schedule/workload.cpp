#include "compiler/schedule/workload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "compiler/graph/text.h"

namespace nntune::schedule {
namespace {

constexpr std::int64_t kMostPast = std::int64_t{1} << 40;
constexpr int kMostThreads = 4096;

tl::unexpected<Error> malformed(std::string_view text) {
  return fail(ErrorKind::bad_input, fmt::format("\"{}\" is not a workload", text),
              "write it like matmul{;}(f32[1,8],f32[4,8])->f32[1,4] past=0 t=1");
}

}  // namespace

std::string Workload::text() const {
  std::vector<std::string> types;
  for (const graph::TensorType& type : inputs) types.push_back(type.text());
  return fmt::format("{}({})->{} past={} t={}", op.text(), fmt::join(types, ","), output.text(), past, threads);
}

Expected<Workload> Workload::make(graph::Op op, std::vector<graph::TensorType> inputs, std::int64_t past, int threads) {
  if (past < 0 || past > kMostPast) return fail(ErrorKind::bad_input, fmt::format("{}: past is {}", op.text(), past));
  if (threads < 1 || threads > kMostThreads) {
    return fail(ErrorKind::bad_input, fmt::format("{}: {} threads", op.text(), threads), "use 1 or more");
  }
  NNTUNE_ASSIGN(graph::TensorType output, graph::infer_type(op, inputs));
  return Workload{std::move(op), std::move(inputs), std::move(output), past, threads};
}

Expected<Workload> Workload::parse(std::string_view text) {
  const std::size_t op_end = text.find('}');
  const std::size_t arrow = text.rfind(")->");
  const std::size_t past_at = text.rfind(" past=");
  const std::size_t threads_at = text.rfind(" t=");
  constexpr auto kNone = std::string_view::npos;
  if (op_end == kNone || arrow == kNone || past_at == kNone || threads_at == kNone) return malformed(text);
  const std::size_t open = op_end + 1;
  if (open >= arrow || text[open] != '(' || arrow + 3 > past_at || past_at + 6 > threads_at) return malformed(text);

  NNTUNE_ASSIGN(graph::Op op, graph::Op::parse(text.substr(0, open)));
  std::vector<graph::TensorType> inputs;
  for (const std::string_view piece : graph::split(text.substr(open + 1, arrow - open - 1), ',')) {
    NNTUNE_ASSIGN(graph::TensorType type, graph::TensorType::parse(piece));
    inputs.push_back(std::move(type));
  }
  NNTUNE_ASSIGN(const graph::TensorType output, graph::TensorType::parse(text.substr(arrow + 3, past_at - arrow - 3)));
  NNTUNE_ASSIGN(const std::int64_t past, graph::parse_integer(text.substr(past_at + 6, threads_at - past_at - 6), "past"));
  NNTUNE_ASSIGN(const std::int64_t threads, graph::parse_integer(text.substr(threads_at + 3), "t"));
  if (threads < 1 || threads > kMostThreads) return malformed(text);
  NNTUNE_ASSIGN(Workload workload, make(std::move(op), std::move(inputs), past, static_cast<int>(threads)));
  if (workload.output != output) {
    return fail(ErrorKind::bad_input, fmt::format("\"{}\" gives {}, not {}", text, workload.output.text(), output.text()));
  }
  return workload;
}

std::string_view Workload::family() const { return op.traits().name; }

OperandMap operand_map(const graph::Op& op) {
  OperandMap map;
  map.w = 1 + static_cast<std::size_t>(graph::operands(op.prologue()));
  map.middle = static_cast<std::size_t>(op.traits().middle);
  map.epilogue = map.w + map.middle;
  return map;
}

bool is_state_operand(const graph::Op& op, std::size_t index) {
  const OperandMap map = operand_map(op);
  return op.traits().middle_is_state && index >= map.w && index < map.w + map.middle;
}

std::size_t token_axis(const graph::TensorType& state) {
  return static_cast<std::size_t>(std::ranges::find(state.shape, graph::kRunTime) - state.shape.begin());
}

}  // namespace nntune::schedule
