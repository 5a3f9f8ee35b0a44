#include "compiler/graph/op.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "compiler/graph/text.h"

namespace nntune::graph {
namespace {

tl::unexpected<Error> no_operation(std::string_view text) {
  return fail(ErrorKind::bad_input, fmt::format("\"{}\" is not an operation", text));
}

/// Exactly `count` pieces between separators, where "" counts as one empty piece.
Expected<std::vector<std::string_view>> exactly(std::size_t count, char separator, std::string_view body) {
  std::vector<std::string_view> pieces = split(body, separator);
  if (pieces.empty()) pieces.emplace_back();
  if (pieces.size() != count) return no_operation(body);
  return pieces;
}

/// A name may not hold what the canonical text is built of.
bool usable_name(std::string_view name) {
  return !name.empty() && name.find_first_of(":{}()[]<>;|, \t\r\n\"") == std::string_view::npos;
}

// What stands between the braces, for each operation: how it is written, and below how it is read.

std::string body(const Input& op) { return fmt::format("{}:{}", op.name, op.type.text()); }
std::string body(const State& op) { return fmt::format("{}:{}", op.name, op.type.text()); }
std::string body(const Weight& op) { return fmt::format("{}:{}", op.name, op.type.text()); }
std::string body(const Embed&) { return ""; }
std::string body(const Rowwise& op) { return text(op.chain); }
std::string body(const Matmul& op) { return fmt::format("{};{}", text(op.prologue), text(op.epilogue)); }
std::string body(const Attention& op) {
  return fmt::format("{},{},{}{};{};{}", op.heads, op.kv_heads, op.scale,
                     op.splits == 1 ? "" : fmt::format(",{}", op.splits), text(op.prologue), text(op.epilogue));
}
std::string body(const AttentionMerge& op) { return fmt::format("{},{};{}", op.heads, op.splits, text(op.epilogue)); }
std::string body(const CacheAppend& op) { return text(op.chain); }
std::string body(const Slice& op) { return fmt::format("{},{}{}", op.begin, op.end, op.axis == 0 ? ",rows" : ""); }
std::string body(const Concat&) { return ""; }
std::string body(const Interleave& op) { return fmt::format("{}", op.group); }
std::string body(const Transpose&) { return ""; }
std::string body(const Reshape& op) { return fmt::format("{}", fmt::join(op.shape, ",")); }
std::string body(const Pack& op) { return text(op.lanes); }
std::string body(const Unpack&) { return ""; }
std::string body(const Argmax&) { return ""; }

template <class T>
requires std::is_empty_v<T> Status read(T&, std::string_view body) {
  if (!body.empty()) return no_operation(body);
  return {};
}

/// Input, State and Weight.
template <class T>
requires requires(T op) { op.name; }
Status read(T& op, std::string_view body) {
  const std::size_t colon = body.find(':');
  if (colon == std::string_view::npos || !usable_name(body.substr(0, colon))) return no_operation(body);
  op.name = body.substr(0, colon);
  NNTUNE_ASSIGN(op.type, TensorType::parse(body.substr(colon + 1)));
  return {};
}

/// Rowwise and CacheAppend.
template <class T>
requires requires(T op) { op.chain; }
Status read(T& op, std::string_view body) {
  NNTUNE_ASSIGN(op.chain, parse_chain(body));
  return {};
}

Status read(Matmul& op, std::string_view body) {
  NNTUNE_ASSIGN(const auto pieces, exactly(2, ';', body));
  NNTUNE_ASSIGN(op.prologue, parse_chain(pieces[0]));
  NNTUNE_ASSIGN(op.epilogue, parse_chain(pieces[1]));
  return {};
}

Status read(Attention& op, std::string_view body) {
  NNTUNE_ASSIGN(const auto pieces, exactly(3, ';', body));
  const std::vector<std::string_view> numbers = split(pieces[0], ',');
  if (numbers.size() != 3 && numbers.size() != 4) return no_operation(body);
  NNTUNE_ASSIGN(op.heads, parse_integer(numbers[0], "heads of attention"));
  NNTUNE_ASSIGN(op.kv_heads, parse_integer(numbers[1], "kv_heads of attention"));
  NNTUNE_ASSIGN(op.scale, parse_real(numbers[2], "scale of attention"));
  if (numbers.size() == 4) {
    NNTUNE_ASSIGN(op.splits, parse_integer(numbers[3], "splits of attention"));
    if (op.splits < 2) return no_operation(body);  // one split has no number: there is one text for it
  }
  NNTUNE_ASSIGN(op.prologue, parse_chain(pieces[1]));
  NNTUNE_ASSIGN(op.epilogue, parse_chain(pieces[2]));
  return {};
}

Status read(AttentionMerge& op, std::string_view body) {
  NNTUNE_ASSIGN(const auto pieces, exactly(2, ';', body));
  NNTUNE_ASSIGN(const auto numbers, exactly(2, ',', pieces[0]));
  NNTUNE_ASSIGN(op.heads, parse_integer(numbers[0], "heads of attention_merge"));
  NNTUNE_ASSIGN(op.splits, parse_integer(numbers[1], "splits of attention_merge"));
  NNTUNE_ASSIGN(op.epilogue, parse_chain(pieces[1]));
  return {};
}

Status read(Slice& op, std::string_view body) {
  const std::vector<std::string_view> pieces = split(body, ',');
  if (pieces.size() != 2 && !(pieces.size() == 3 && pieces[2] == "rows")) return no_operation(body);
  NNTUNE_ASSIGN(op.begin, parse_integer(pieces[0], "begin of slice"));
  NNTUNE_ASSIGN(op.end, parse_integer(pieces[1], "end of slice"));
  op.axis = pieces.size() == 3 ? 0 : 1;
  return {};
}

Status read(Interleave& op, std::string_view body) {
  NNTUNE_ASSIGN(op.group, parse_integer(body, "group of interleave"));
  return {};
}

Status read(Reshape& op, std::string_view body) {
  for (const std::string_view piece : split(body, ',')) {
    NNTUNE_ASSIGN(const std::int64_t size, parse_integer(piece, "a dimension of reshape"));
    op.shape.push_back(size);
  }
  if (op.shape.empty()) return no_operation(body);
  return {};
}

Status read(Pack& op, std::string_view body) {
  NNTUNE_ASSIGN(op.lanes, parse_lanes(body));
  return {};
}

template <class T>
Expected<Op> read_as(std::string_view body) {
  T op;
  NNTUNE_TRY(read(op, body));
  return Op(std::move(op));
}

using Reader = Expected<Op> (*)(std::string_view body);

/// By kind: what reads it.
template <std::size_t... kinds>
constexpr std::array<Reader, kOps.size()> readers(std::index_sequence<kinds...>) {
  return {read_as<std::variant_alternative_t<kinds, Op::Form>>...};
}

const Chain kNoChain;

}  // namespace

const std::string& Op::leaf_name() const {
  if (const auto* input = get_if<Input>()) return input->name;
  if (const auto* state = get_if<State>()) return state->name;
  return as<Weight>().name;
}

const TensorType& Op::leaf_type() const {
  if (const auto* input = get_if<Input>()) return input->type;
  if (const auto* state = get_if<State>()) return state->type;
  return as<Weight>().type;
}

const Chain& Op::prologue() const {
  return std::visit(
      [](const auto& op) -> const Chain& {
        if constexpr (requires { op.prologue; }) {
          return op.prologue;
        } else if constexpr (requires { op.chain; }) {
          return op.chain;
        } else {
          return kNoChain;
        }
      },
      form_);
}

const Chain& Op::epilogue() const {
  return std::visit(
      [](const auto& op) -> const Chain& {
        if constexpr (requires { op.epilogue; }) {
          return op.epilogue;
        } else {
          return kNoChain;
        }
      },
      form_);
}

Op Op::with_prologue(Chain chain) const {
  Op result = *this;
  std::visit(
      [&chain](auto& op) {
        if constexpr (requires { op.prologue; }) {
          op.prologue = std::move(chain);
        } else if constexpr (requires { op.chain; }) {
          op.chain = std::move(chain);
        } else {
          assert(chain.empty());
        }
      },
      result.form_);
  return result;
}

Op Op::with_epilogue(Chain chain) const {
  Op result = *this;
  std::visit(
      [&chain](auto& op) {
        if constexpr (requires { op.epilogue; }) {
          op.epilogue = std::move(chain);
        } else {
          assert(chain.empty());
        }
      },
      result.form_);
  return result;
}

std::string Op::text() const {
  return fmt::format("{}{{{}}}", traits().name, std::visit([](const auto& op) { return body(op); }, form_));
}

Expected<Op> Op::parse(std::string_view text) {
  static constexpr std::array<Reader, kOps.size()> kReaders = readers(std::make_index_sequence<kOps.size()>());
  const std::size_t open = text.find('{');
  if (open == std::string_view::npos || text.back() != '}') return no_operation(text);
  const auto* const found = std::ranges::find(kOps, text.substr(0, open), &OpTraits::name);
  if (found == kOps.end()) return no_operation(text);
  return kReaders[static_cast<std::size_t>(found->kind)](text.substr(open + 1, text.size() - open - 2));
}

std::optional<std::size_t> state_number(const Op& op) {
  const auto* state = op.get_if<State>();
  if (state == nullptr) return std::nullopt;
  const std::string_view text = std::string_view(state->name).substr(state->name.rfind('.') + 1);
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool reads_position(const Op& op) {
  return op.traits().reads_position ||
         std::ranges::any_of(op.prologue(), [](const Step& step) { return step.traits().reads_position; });
}

}  // namespace nntune::graph
