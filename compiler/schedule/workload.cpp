#include "compiler/schedule/workload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "compiler/graph/text.h"

namespace nntune::schedule {
namespace {

/// What stands behind the types, by name.
struct Field {
  std::string_view name;
  std::int64_t least;  ///< the default
  std::int64_t most;
  bool always;  ///< written at its default, too: the first fields were
  std::int64_t (*get)(const Workload&);
  void (*set)(Workload&, std::int64_t);
};

constexpr Field kFields[] = {
    {"past", 0, std::int64_t{1} << 40, true, [](const Workload& w) { return w.past; },
     [](Workload& w, std::int64_t value) { w.past = value; }},
    {"t", 1, 4096, true, [](const Workload& w) -> std::int64_t { return w.threads; },
     [](Workload& w, std::int64_t value) { w.threads = static_cast<int>(value); }},
};

std::size_t operand_count(const graph::Op& op) {
  return operand_map(op).epilogue + static_cast<std::size_t>(graph::operands(op.epilogue()));
}

tl::unexpected<Error> malformed(std::string_view text) {
  return fail(ErrorKind::bad_input, fmt::format("\"{}\" is not a workload", text),
              "write it like matmul{;}(f32[1,8],f32[4,8])->f32[1,4] past=0 t=1");
}

}  // namespace

std::string Workload::text() const {
  std::vector<std::string> each, types;
  for (const graph::Op& op : ops) each.push_back(op.text());
  for (const graph::TensorType& type : inputs) types.push_back(type.text());
  std::string result = fmt::format("{}({})->{}", fmt::join(each, ">"), fmt::join(types, ","), output.text());
  for (const Field& field : kFields) {
    const std::int64_t value = field.get(*this);
    if (field.always || value != field.least) result += fmt::format(" {}={}", field.name, value);
  }
  return result;
}

Expected<Workload> Workload::make(graph::Op op, std::vector<graph::TensorType> inputs, std::int64_t past, int threads) {
  return make(std::vector<graph::Op>{std::move(op)}, std::move(inputs), past, threads);
}

Expected<Workload> Workload::make(std::vector<graph::Op> ops, std::vector<graph::TensorType> inputs, std::int64_t past,
                                  int threads) {
  Workload workload{std::move(ops), std::move(inputs), {}, past, threads};
  if (workload.ops.empty()) return fail(ErrorKind::bad_input, "a workload has an operation at least");
  for (const Field& field : kFields) {
    const std::int64_t value = field.get(workload);
    if (value >= field.least && value <= field.most) continue;
    return fail(ErrorKind::bad_input, fmt::format("{}: {} is {}", workload.family(), field.name, value),
                fmt::format("use {} to {}", field.least, field.most));
  }
  std::span<const graph::TensorType> rest = workload.inputs;
  std::vector<graph::TensorType> operands;
  for (std::size_t i = 0; i < workload.ops.size(); ++i) {
    const bool last = i + 1 == workload.ops.size();
    const std::size_t wanted = operand_count(workload.ops[i]) - operands.size();
    const std::size_t taken = last ? rest.size() : std::min(rest.size(), wanted);
    operands.insert(operands.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(taken));
    rest = rest.subspan(taken);
    NNTUNE_ASSIGN(workload.output, graph::infer_type(workload.ops[i], operands));
    operands = {workload.output};
  }
  return workload;
}

Expected<Workload> Workload::parse(std::string_view text) {
  constexpr auto kNone = std::string_view::npos;
  std::vector<graph::Op> ops;
  std::size_t open = 0;
  do {
    const std::size_t begin = ops.empty() ? 0 : open + 1;
    const std::size_t end = text.find('}', begin);
    if (end == kNone) return malformed(text);
    open = end + 1;
    NNTUNE_ASSIGN(graph::Op op, graph::Op::parse(text.substr(begin, open - begin)));
    ops.push_back(std::move(op));
  } while (open < text.size() && text[open] == '>');
  const std::size_t arrow = text.rfind(")->");
  if (arrow == kNone || open >= arrow || text[open] != '(') return malformed(text);
  std::vector<graph::TensorType> inputs;
  for (const std::string_view piece : graph::split(text.substr(open + 1, arrow - open - 1), ',')) {
    NNTUNE_ASSIGN(graph::TensorType type, graph::TensorType::parse(piece));
    inputs.push_back(std::move(type));
  }
  const std::vector<std::string_view> words = graph::split(text.substr(arrow + 3), ' ');
  NNTUNE_ASSIGN(const graph::TensorType output, graph::TensorType::parse(words.front()));
  Workload fields;
  std::vector<std::string_view> seen;
  for (const std::string_view word : std::span(words).subspan(1)) {
    const std::size_t equals = word.find('=');
    const auto field = std::ranges::find(kFields, word.substr(0, equals), &Field::name);
    if (equals == kNone || field == std::end(kFields) || std::ranges::find(seen, field->name) != seen.end()) {
      return malformed(text);
    }
    seen.push_back(field->name);
    NNTUNE_ASSIGN(const std::int64_t value, graph::parse_integer(word.substr(equals + 1), field->name));
    if (value < field->least || value > field->most) return malformed(text);
    field->set(fields, value);
  }
  NNTUNE_ASSIGN(Workload workload, make(std::move(ops), std::move(inputs), fields.past, fields.threads));
  if (workload.output != output) {
    return fail(ErrorKind::bad_input, fmt::format("\"{}\" gives {}, not {}", text, workload.output.text(), output.text()));
  }
  return workload;
}

std::string Workload::family() const {
  std::string names;
  for (const graph::Op& op : ops) names.append(names.empty() ? "" : ">").append(op.traits().name);
  return names;
}

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
