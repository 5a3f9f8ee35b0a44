/// make_stored_weights of weights.h.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <mutex>
#include <set>
#include <thread>

#include "base/bf16.h"
#include "compiler/import/family.h"
#include "compiler/import/weights.h"

namespace nntune::import {
namespace {

enum class Format { f32, bf16, f16 };

Expected<Format> format_of(const StoredTensor& tensor, std::string_view name) {
  if (tensor.dtype == "F32") return Format::f32;
  if (tensor.dtype == "BF16") return Format::bf16;
  if (tensor.dtype == "F16") return Format::f16;
  return fail(ErrorKind::unsupported, fmt::format("{}: tensor \"{}\" is {}", tensor.file, name, tensor.dtype),
              "weights must be F32, BF16 or F16");
}

std::size_t bytes_of(Format format) { return format == Format::f32 ? 4 : 2; }

/// IEEE half precision, exactly.
float half_to_float(std::uint16_t half) {
  const float sign = (half & 0x8000U) != 0 ? -1.0F : 1.0F;
  const int exponent = (half >> 10) & 0x1F;
  const int fraction = half & 0x3FF;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  if (exponent == 31) return fraction == 0 ? sign * INFINITY : NAN;
  return sign * std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
}

/// Whether any of `count` elements has an exponent of all ones: NaN or infinite. Branch-free within a block, so it
/// vectorises; the memory may be unaligned.
template <class Word>
bool any_not_finite(const std::byte* data, std::int64_t count, Word exponent) {
  constexpr std::int64_t kBlock = 1024;
  std::array<Word, kBlock> block;
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    const auto size = static_cast<std::size_t>(std::min(kBlock, count - begin));
    std::memcpy(block.data(), data + begin * static_cast<std::int64_t>(sizeof(Word)), size * sizeof(Word));
    Word bad = 0;
    for (std::size_t i = 0; i < size; ++i)
      bad = static_cast<Word>(bad | static_cast<Word>((block[i] & exponent) == exponent));
    if (bad != 0) return true;
  }
  return false;
}

bool any_not_finite(Format format, const std::byte* data, std::int64_t count) {
  switch (format) {
    case Format::f32: return any_not_finite<std::uint32_t>(data, count, 0x7F800000U);
    case Format::bf16: return any_not_finite<std::uint16_t>(data, count, 0x7F80U);
    case Format::f16: return any_not_finite<std::uint16_t>(data, count, 0x7C00U);
  }
  return false;
}

float element(Format format, const std::byte* data, std::int64_t index) {
  if (format == Format::f32) {
    float value = 0;
    std::memcpy(&value, data + index * 4, 4);
    return value;
  }
  std::uint16_t bits = 0;
  std::memcpy(&bits, data + index * 2, 2);
  return format == Format::bf16 ? bf16_to_float(bits) : half_to_float(bits);
}

class StoredWeights final : public WeightSource {
 public:
  StoredWeights(const ModelConfig& config, SafeTensors tensors, std::string description)
      : WeightSource(config), tensors_(std::move(tensors)), description_(std::move(description)) {}

  [[nodiscard]] Status check_shapes() const override;
  [[nodiscard]] Status validate() const override;
  [[nodiscard]] std::string description() const override { return description_; }
  [[nodiscard]] bool random() const override { return false; }

 protected:
  void copy_rows(const WeightSpec& spec, std::int64_t layer, std::int64_t first, std::int64_t count,
                 float* out) const override {
    const auto [format, data] = locate(spec, layer, first);
    const std::int64_t elements = count * spec.columns();
    if (format == Format::f32) {
      std::memcpy(out, data, static_cast<std::size_t>(elements) * sizeof(float));
    } else if (format == Format::bf16) {
      for (std::int64_t i = 0; i < elements; ++i) out[i] = element(Format::bf16, data, i);
    } else {
      for (std::int64_t i = 0; i < elements; ++i) out[i] = element(Format::f16, data, i);
    }
  }

 private:
  struct Place {
    Format format;
    const std::byte* data;
  };
  /// check_shapes() has seen that it is there.
  [[nodiscard]] Place locate(const WeightSpec& spec, std::int64_t layer, std::int64_t row) const {
    const std::string name = spec.stored_name(layer);
    const StoredTensor& tensor = *tensors_.find(name);
    const Format format = *format_of(tensor, name);
    return {format, tensor.bytes.data() + row * spec.columns() * static_cast<std::int64_t>(bytes_of(format))};
  }

  Status check_unexpected(const std::set<std::string>& expected) const;

  SafeTensors tensors_;
  std::string description_;
};

Status StoredWeights::check_shapes() const {
  std::set<std::string> expected;
  for (const WeightSpec& spec : list().tensors) {
    for (std::int64_t layer = 0; layer < (spec.per_layer() ? config().layers : 1); ++layer) {
      const std::string name = spec.stored_name(layer);
      const StoredTensor* tensor = tensors_.find(name);
      if (tensor == nullptr) {
        return fail(ErrorKind::bad_input, fmt::format("{}: tensor \"{}\" is missing", description_, name),
                    "check that config.json and the weights belong together, or download them again");
      }
      if (tensor->shape != spec.shape) {
        return fail(ErrorKind::bad_input,
                    fmt::format("{}: tensor \"{}\" has the shape [{}], must be [{}]", tensor->file, name,
                                fmt::join(tensor->shape, ","), fmt::join(spec.shape, ",")),
                    "check that config.json and the weights belong together");
      }
      NNTUNE_TRY(format_of(*tensor, name));
      expected.insert(name);
    }
  }
  return check_unexpected(expected);
}

/// A tensor we would not use (a bias, one more layer) means that the model computes something else.
Status StoredWeights::check_unexpected(const std::set<std::string>& expected) const {
  const auto unread = [&](const std::string& name) {
    return std::ranges::find(list().unread, name) != list().unread.end() ||
           std::ranges::any_of(list().unread_endings, [&](const std::string& end) { return name.ends_with(end); });
  };
  for (const auto& [name, tensor] : tensors_.tensors()) {
    if (expected.contains(name) || unread(name)) continue;
    return fail(ErrorKind::unsupported,
                fmt::format("{}: tensor \"{}\" is no part of a {} model of {} layers", tensor.file, name,
                            config().family->title, config().layers),
                "check that config.json and the weights belong together");
  }
  return {};
}

Status StoredWeights::validate() const {
  NNTUNE_TRY(check_shapes());
  struct Chunk {
    std::string name;
    const WeightSpec* spec;
    Format format;
    const StoredTensor* tensor;
    std::int64_t begin, end;  ///< elements
  };
  constexpr std::int64_t kChunk = 4 << 20;
  std::vector<Chunk> chunks;
  for (const WeightSpec& spec : list().tensors) {
    for (std::int64_t layer = 0; layer < (spec.per_layer() ? config().layers : 1); ++layer) {
      const std::string name = spec.stored_name(layer);
      const StoredTensor* tensor = tensors_.find(name);
      const std::int64_t elements = spec.rows() * spec.columns();
      for (std::int64_t begin = 0; begin < elements; begin += kChunk) {
        chunks.push_back({name, &spec, *format_of(*tensor, name), tensor, begin, std::min(elements, begin + kChunk)});
      }
    }
  }

  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::size_t first_bad = chunks.size();
  const auto scan = [&] {
    for (std::size_t i = next++; i < chunks.size(); i = next++) {
      const Chunk& chunk = chunks[i];
      const std::byte* data = chunk.tensor->bytes.data() + chunk.begin * static_cast<std::int64_t>(bytes_of(chunk.format));
      if (!any_not_finite(chunk.format, data, chunk.end - chunk.begin)) continue;
      const std::scoped_lock lock(mutex);
      first_bad = std::min(first_bad, i);
      return;  // every earlier chunk is already being scanned, so the first bad one is found
    }
  };
  {
    std::vector<std::jthread> team;
    for (unsigned i = 1; i < std::thread::hardware_concurrency(); ++i) team.emplace_back(scan);
    scan();
  }
  if (first_bad == chunks.size()) return {};
  const Chunk& chunk = chunks[first_bad];
  std::int64_t at = chunk.begin;
  while (std::isfinite(element(chunk.format, chunk.tensor->bytes.data(), at))) ++at;
  const float value = element(chunk.format, chunk.tensor->bytes.data(), at);
  const std::int64_t columns = chunk.spec->columns();
  const std::string position =
      chunk.spec->shape.size() == 1 ? fmt::format("[{}]", at) : fmt::format("[{},{}]", at / columns, at % columns);
  return fail(ErrorKind::bad_input,
              fmt::format("{}: tensor \"{}\" holds {} at {}", chunk.tensor->file, chunk.name,
                          std::isnan(value) ? "NaN" : "an infinite value", position),
              "the weights are damaged: download them again");
}

}  // namespace

Expected<std::shared_ptr<const WeightSource>> make_stored_weights(const ModelConfig& config, SafeTensors tensors,
                                                                  std::string description) {
  auto source = std::make_shared<const StoredWeights>(config, std::move(tensors), std::move(description));
  NNTUNE_TRY(source->check_shapes());
  return source;
}

}  // namespace nntune::import
