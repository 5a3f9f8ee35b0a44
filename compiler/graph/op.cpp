#include "compiler/graph/op.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "compiler/graph/text.h"

namespace nntune::graph {
namespace {

constexpr std::array<std::pair<StepKind, std::string_view>, 11> kStepNames = {{
    {StepKind::rms, "rms"},
    {StepKind::scale, "scale"},
    {StepKind::add, "add"},
    {StepKind::swiglu, "swiglu"},
    {StepKind::swiglu_split, "swiglu_split"},
    {StepKind::swiglu_pairs, "swiglu_pairs"},
    {StepKind::rope, "rope"},
    {StepKind::softmax, "softmax"},
    {StepKind::cast, "cast"},
    {StepKind::quantise, "quantise"},
    {StepKind::pack, "pack"},
}};

constexpr std::array<std::pair<OpKind, std::string_view>, 16> kOpNames = {{
    {OpKind::input, "input"},
    {OpKind::weight, "weight"},
    {OpKind::embed, "embed"},
    {OpKind::rowwise, "rowwise"},
    {OpKind::matmul, "matmul"},
    {OpKind::attention, "attention"},
    {OpKind::attention_merge, "attention_merge"},
    {OpKind::cache_append, "cache_append"},
    {OpKind::slice, "slice"},
    {OpKind::concat, "concat"},
    {OpKind::interleave, "interleave"},
    {OpKind::transpose, "transpose"},
    {OpKind::reshape, "reshape"},
    {OpKind::pack, "pack"},
    {OpKind::unpack, "unpack"},
    {OpKind::argmax, "argmax"},
}};

tl::unexpected<Error> malformed(std::string_view what, std::string_view text) {
  return fail(ErrorKind::bad_input, fmt::format("\"{}\" is not {}", text, what));
}

/// Cuts "name(arguments)" or "name"; the arguments keep their commas.
struct Call {
  std::string_view name;
  std::string_view arguments;
  bool has_arguments = false;
};

Expected<Call> parse_call(std::string_view text, char open, char close, std::string_view what) {
  const std::size_t begin = text.find(open);
  if (begin == std::string_view::npos) return Call{.name = text, .arguments = {}};
  if (text.back() != close) return malformed(what, text);
  return Call{text.substr(0, begin), text.substr(begin + 1, text.size() - begin - 2), true};
}

/// Exactly `count` pieces between separators, where "" counts as one empty piece.
Expected<std::vector<std::string_view>> exactly(std::size_t count, char separator, std::string_view body,
                                                std::string_view whole) {
  std::vector<std::string_view> pieces = split(body, separator);
  if (pieces.empty()) pieces.emplace_back();
  if (pieces.size() != count) return malformed("an operation", whole);
  return pieces;
}

/// A name may not hold what the canonical text is built of.
bool usable_name(std::string_view name) {
  return !name.empty() && name.find_first_of(":{}()[]<>;|, \t\r\n\"") == std::string_view::npos;
}

}  // namespace

std::string_view name(StepKind kind) {
  return std::ranges::find(kStepNames, kind, &std::pair<StepKind, std::string_view>::first)->second;
}

std::string_view name(OpKind kind) {
  return std::ranges::find(kOpNames, kind, &std::pair<OpKind, std::string_view>::first)->second;
}

int Step::operands() const {
  switch (kind) {
    case StepKind::scale:
    case StepKind::add:
    case StepKind::swiglu:
    case StepKind::rope: return 1;
    default: return 0;
  }
}

std::string Step::text() const {
  switch (kind) {
    case StepKind::rms: return fmt::format("rms({},{})", eps, group);
    case StepKind::swiglu_pairs:
    case StepKind::quantise:
    case StepKind::rope: return fmt::format("{}({})", name(kind), group);
    case StepKind::cast: return fmt::format("cast({})", name(dtype));
    case StepKind::pack: return fmt::format("pack({})", graph::text(lanes));
    default: return std::string(name(kind));
  }
}

Expected<Step> Step::parse(std::string_view text) {
  if (text.empty()) return malformed("a step", text);
  NNTUNE_ASSIGN(const Call call, parse_call(text, '(', ')', "a step"));
  const auto found = std::ranges::find(kStepNames, call.name, &std::pair<StepKind, std::string_view>::second);
  if (found == kStepNames.end()) return malformed("a step", text);
  Step step;
  step.kind = found->first;
  bool wants_arguments = true;
  switch (step.kind) {
    case StepKind::rms: {
      const std::vector<std::string_view> pieces = split(call.arguments, ',');
      if (pieces.size() != 2) return malformed("a step", text);
      NNTUNE_ASSIGN(step.eps, parse_real(pieces[0], "eps of rms"));
      NNTUNE_ASSIGN(step.group, parse_integer(pieces[1], "group of rms"));
      break;
    }
    case StepKind::swiglu_pairs:
    case StepKind::quantise:
    case StepKind::rope: {
      NNTUNE_ASSIGN(step.group, parse_integer(call.arguments, fmt::format("group of {}", name(step.kind))));
      break;
    }
    case StepKind::cast: {
      NNTUNE_ASSIGN(step.dtype, parse_dtype(call.arguments));
      break;
    }
    case StepKind::pack: {
      NNTUNE_ASSIGN(step.lanes, parse_lanes(call.arguments));
      break;
    }
    default: wants_arguments = false;
  }
  if (wants_arguments != call.has_arguments) return malformed("a step", text);
  return step;
}

std::string text(const Chain& chain) {
  std::vector<std::string> pieces;
  for (const Step& step : chain) pieces.push_back(step.text());
  return fmt::format("{}", fmt::join(pieces, "|"));
}

Expected<Chain> parse_chain(std::string_view text) {
  Chain chain;
  for (const std::string_view piece : split(text, '|')) {
    NNTUNE_ASSIGN(Step step, Step::parse(piece));
    chain.push_back(std::move(step));
  }
  return chain;
}

int operands(const Chain& chain) {
  int count = 0;
  for (const Step& step : chain) count += step.operands();
  return count;
}

std::string Op::text() const {
  const auto body = [&]() -> std::string {
    switch (kind) {
      case OpKind::input:
      case OpKind::weight: return fmt::format("{}:{}", name, type.text());
      case OpKind::rowwise:
      case OpKind::cache_append: return graph::text(prologue);
      case OpKind::matmul: return fmt::format("{};{}", graph::text(prologue), graph::text(epilogue));
      case OpKind::attention:
        return fmt::format("{},{},{}{};{};{}", heads, kv_heads, scale, splits == 1 ? "" : fmt::format(",{}", splits),
                           graph::text(prologue), graph::text(epilogue));
      case OpKind::attention_merge: return fmt::format("{},{};{}", heads, splits, graph::text(epilogue));
      case OpKind::slice: return fmt::format("{},{}{}", begin, end, axis == 0 ? ",rows" : "");
      case OpKind::interleave: return fmt::format("{}", group);
      case OpKind::reshape: return fmt::format("{}", fmt::join(shape, ","));
      case OpKind::pack: return graph::text(lanes);
      default: return "";
    }
  };
  return fmt::format("{}{{{}}}", graph::name(kind), body());
}

Expected<Op> Op::parse(std::string_view text) {
  NNTUNE_ASSIGN(const Call call, parse_call(text, '{', '}', "an operation"));
  const auto found = std::ranges::find(kOpNames, call.name, &std::pair<OpKind, std::string_view>::second);
  if (found == kOpNames.end() || !call.has_arguments) return malformed("an operation", text);
  const std::string_view body = call.arguments;
  Op op;
  op.kind = found->first;
  switch (op.kind) {
    case OpKind::input:
    case OpKind::weight: {
      const std::size_t colon = body.find(':');
      if (colon == std::string_view::npos || !usable_name(body.substr(0, colon))) return malformed("an operation", text);
      op.name = body.substr(0, colon);
      NNTUNE_ASSIGN(op.type, TensorType::parse(body.substr(colon + 1)));
      break;
    }
    case OpKind::rowwise:
    case OpKind::cache_append: {
      NNTUNE_ASSIGN(op.prologue, parse_chain(body));
      break;
    }
    case OpKind::matmul: {
      NNTUNE_ASSIGN(const auto pieces, exactly(2, ';', body, text));
      NNTUNE_ASSIGN(op.prologue, parse_chain(pieces[0]));
      NNTUNE_ASSIGN(op.epilogue, parse_chain(pieces[1]));
      break;
    }
    case OpKind::attention: {
      NNTUNE_ASSIGN(const auto pieces, exactly(3, ';', body, text));
      const std::vector<std::string_view> numbers = split(pieces[0], ',');
      if (numbers.size() != 3 && numbers.size() != 4) return malformed("an operation", text);
      NNTUNE_ASSIGN(op.heads, parse_integer(numbers[0], "heads of attention"));
      NNTUNE_ASSIGN(op.kv_heads, parse_integer(numbers[1], "kv_heads of attention"));
      NNTUNE_ASSIGN(op.scale, parse_real(numbers[2], "scale of attention"));
      if (numbers.size() == 4) {
        NNTUNE_ASSIGN(op.splits, parse_integer(numbers[3], "splits of attention"));
        if (op.splits < 2) return malformed("an operation", text);  // one split has no number: there is one text for it
      }
      NNTUNE_ASSIGN(op.prologue, parse_chain(pieces[1]));
      NNTUNE_ASSIGN(op.epilogue, parse_chain(pieces[2]));
      break;
    }
    case OpKind::attention_merge: {
      NNTUNE_ASSIGN(const auto pieces, exactly(2, ';', body, text));
      NNTUNE_ASSIGN(const auto numbers, exactly(2, ',', pieces[0], text));
      NNTUNE_ASSIGN(op.heads, parse_integer(numbers[0], "heads of attention_merge"));
      NNTUNE_ASSIGN(op.splits, parse_integer(numbers[1], "splits of attention_merge"));
      NNTUNE_ASSIGN(op.epilogue, parse_chain(pieces[1]));
      break;
    }
    case OpKind::slice: {
      const std::vector<std::string_view> pieces = split(body, ',');
      if (pieces.size() != 2 && !(pieces.size() == 3 && pieces[2] == "rows")) return malformed("an operation", text);
      NNTUNE_ASSIGN(op.begin, parse_integer(pieces[0], "begin of slice"));
      NNTUNE_ASSIGN(op.end, parse_integer(pieces[1], "end of slice"));
      op.axis = pieces.size() == 3 ? 0 : 1;
      break;
    }
    case OpKind::interleave: {
      NNTUNE_ASSIGN(op.group, parse_integer(body, "group of interleave"));
      break;
    }
    case OpKind::reshape: {
      for (const std::string_view piece : split(body, ',')) {
        NNTUNE_ASSIGN(const std::int64_t size, parse_integer(piece, "a dimension of reshape"));
        op.shape.push_back(size);
      }
      if (op.shape.empty()) return malformed("an operation", text);
      break;
    }
    case OpKind::pack: {
      NNTUNE_ASSIGN(op.lanes, parse_lanes(body));
      break;
    }
    default:
      if (!body.empty()) return malformed("an operation", text);
  }
  return op;
}

}  // namespace nntune::graph
