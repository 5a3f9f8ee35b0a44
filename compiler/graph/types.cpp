#include "compiler/graph/types.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cassert>

#include "compiler/graph/text.h"

namespace nntune::graph {
namespace {

constexpr std::int64_t kMostElements = std::int64_t{1} << 48;
constexpr std::int64_t kScalesAlignment = 64;

}  // namespace

std::size_t size_bytes(DType dtype) {
  switch (dtype) {
    case DType::i8: return 1;
    case DType::bf16: return 2;
    case DType::f32:
    case DType::i32: return 4;
  }
  return 4;
}

std::string_view name(DType dtype) {
  switch (dtype) {
    case DType::f32: return "f32";
    case DType::bf16: return "bf16";
    case DType::i8: return "i8";
    case DType::i32: return "i32";
  }
  return "?";
}

Expected<DType> parse_dtype(std::string_view text) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::i8, DType::i32}) {
    if (text == name(dtype)) return dtype;
  }
  return fail(ErrorKind::bad_input, fmt::format("unknown dtype \"{}\"", text), "use f32, bf16, i8 or i32");
}

std::int64_t TensorType::lanes_on(int axis) const {
  std::int64_t product = 1;
  for (const Lane& lane : lanes) {
    if (lane.axis == axis) product *= lane.count;
  }
  return product;
}

std::int64_t TensorType::outer(int axis) const {
  const std::int64_t size = shape[static_cast<std::size_t>(axis)];
  assert(size != kRunTime);
  const std::int64_t lane_count = lanes_on(axis);
  return (size + lane_count - 1) / lane_count;
}

std::int64_t TensorType::elements() const {
  std::int64_t product = 1;
  for (const std::int64_t size : shape) {
    assert(size != kRunTime);
    product *= size;
  }
  return product;
}

std::int64_t TensorType::storage_elements() const {
  std::int64_t product = 1;
  for (int axis = 0; axis < rank(); ++axis) product *= outer(axis) * lanes_on(axis);
  return product;
}

std::int64_t TensorType::storage_bytes() const {
  if (block != 0) return scales_offset() + scales().storage_bytes();
  return storage_elements() * static_cast<std::int64_t>(size_bytes(dtype));
}

TensorType TensorType::scales() const {
  assert(block > 0 && rank() == 2);
  TensorType result{DType::f32, {shape[0], shape[1] / block}, lanes};
  std::erase_if(result.lanes, [](const Lane& lane) { return lane.axis != 0; });
  return result;
}

std::int64_t TensorType::scales_offset() const {
  return (storage_elements() + kScalesAlignment - 1) / kScalesAlignment * kScalesAlignment;
}

std::int64_t TensorType::storage_offset(const std::vector<std::int64_t>& index) const {
  assert(index.size() == shape.size());
  std::int64_t offset = 0;
  for (int axis = 0; axis < rank(); ++axis) {
    offset = offset * outer(axis) + index[static_cast<std::size_t>(axis)] / lanes_on(axis);
  }
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    // Several lanes on one axis are digits of the position within its tile, the first listed the most significant.
    std::int64_t finer = 1;
    for (std::size_t j = i + 1; j < lanes.size(); ++j) {
      if (lanes[j].axis == lanes[i].axis) finer *= lanes[j].count;
    }
    offset = offset * lanes[i].count + index[static_cast<std::size_t>(lanes[i].axis)] / finer % lanes[i].count;
  }
  return offset;
}

Status TensorType::validate() const {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorKind::bad_input, fmt::format("there is no tensor {}: {}", text(), why));
  };
  if (shape.empty()) return refuse("it has no dimensions");
  std::int64_t product = 1;
  for (const std::int64_t size : shape) {
    if (size == kRunTime) continue;
    if (size < 1) return refuse("every dimension must be 1 or more");
    if (size > kMostElements / product) return refuse("it is too large");
    product *= size;
  }
  for (const Lane& lane : lanes) {
    if (lane.axis < 0 || lane.axis >= rank()) return refuse("it has lanes on an axis beyond its shape");
    if (lane.count < 1 || lane.count > 65536) return refuse("lanes must be 1 to 65536");
  }
  if (block == 0) return {};
  if (dtype != DType::i8 || rank() != 2) return refuse("only matrices of i8 have blocks");
  if (block < 1 || shape[1] == kRunTime || shape[1] % block != 0) return refuse("its rows must be whole blocks");
  return {};
}

std::string TensorType::text() const {
  std::string out(name(dtype));
  if (block != 0) out += fmt::format("/{}", block);
  out += '[';
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) out += ',';
    out += shape[i] == kRunTime ? "?" : fmt::format("{}", shape[i]);
  }
  out += ']';
  if (packed()) out += fmt::format("<{}>", graph::text(lanes));
  return out;
}

Expected<TensorType> TensorType::parse(std::string_view text) {
  const auto refuse = [&] {
    return fail(ErrorKind::bad_input, fmt::format("\"{}\" is not a tensor type", text),
                "write it like bf16[6144,1024]<0:32,1:2>");
  };
  const std::size_t open = text.find('[');
  const std::size_t close = text.find(']');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return refuse();
  TensorType type;
  const std::string_view element = text.substr(0, open);
  const std::size_t slash = element.find('/');
  NNTUNE_ASSIGN(type.dtype, parse_dtype(element.substr(0, slash)));
  if (slash != std::string_view::npos) {
    NNTUNE_ASSIGN(type.block, parse_integer(element.substr(slash + 1), fmt::format("the block of \"{}\"", text)));
    if (type.block < 1) return refuse();  // no blocks are written without a number
  }
  for (const std::string_view piece : split(text.substr(open + 1, close - open - 1), ',')) {
    if (piece == "?") {
      type.shape.push_back(kRunTime);
      continue;
    }
    NNTUNE_ASSIGN(const std::int64_t size, parse_integer(piece, fmt::format("a dimension of \"{}\"", text)));
    if (size < 1) return refuse();  // also keeps -1 from meaning "?"
    type.shape.push_back(size);
  }
  std::string_view rest = text.substr(close + 1);
  if (!rest.empty()) {
    if (rest.size() < 3 || rest.front() != '<' || rest.back() != '>') return refuse();
    NNTUNE_ASSIGN(type.lanes, parse_lanes(rest.substr(1, rest.size() - 2)));
  }
  NNTUNE_TRY(type.validate());
  return type;
}

std::string text(const std::vector<Lane>& lanes) {
  std::vector<std::string> pieces;
  pieces.reserve(lanes.size());
  for (const Lane& lane : lanes) pieces.push_back(fmt::format("{}:{}", lane.axis, lane.count));
  return fmt::format("{}", fmt::join(pieces, ","));
}

Expected<std::vector<Lane>> parse_lanes(std::string_view text) {
  std::vector<Lane> lanes;
  for (const std::string_view piece : split(text, ',')) {
    const std::size_t colon = piece.find(':');
    if (colon == std::string_view::npos) {
      return fail(ErrorKind::bad_input, fmt::format("\"{}\" is not a list of lanes", text), "write it like 0:32,1:2");
    }
    NNTUNE_ASSIGN(const std::int64_t axis, parse_integer(piece.substr(0, colon), "the axis of a lane"));
    NNTUNE_ASSIGN(const std::int64_t count, parse_integer(piece.substr(colon + 1), "the count of a lane"));
    if (axis < 0 || axis > 7 || count < 1 || count > 65536) {
      return fail(ErrorKind::bad_input, fmt::format("lanes \"{}\" are out of range", text),
                  "an axis is 0 to 7, a count 1 to 65536");
    }
    lanes.push_back({static_cast<int>(axis), static_cast<int>(count)});
  }
  return lanes;
}

}  // namespace nntune::graph
