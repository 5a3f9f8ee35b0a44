#include "compiler/module/pack.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstring>
#include <memory>
#include <mutex>

#include "base/bf16.h"
#include "base/parallel/parallel_for.h"
#include "compiler/module/weight_rows.h"
#include "compiler/runtime/module_file.h"

namespace nntune::module {
namespace {

using graph::DType;
using graph::TensorType;

/// A kernel may load a whole vector where the last tensor ends.
constexpr std::size_t kReadSlackBytes = 4096;
/// Rows of one task: enough that reading them is one long run, few enough that they stay in L2.
constexpr std::int64_t kRowsPerTask = 32;
/// Of a recipe that reads a whole matrix for any number of rows.
constexpr std::int64_t kRowsPerLargeTask = 1024;
/// Columns that are scattered at a time: their part of a panel stays in L1.
constexpr std::int64_t kColumnsAtOnce = 64;

std::size_t align_up(std::size_t value, std::size_t to) { return (value + to - 1) / to * to; }

TensorType as_matrix(const TensorType& type) {
  assert(type.rank() == 2 || (type.rank() == 1 && !type.packed()));
  return type.rank() == 2 ? type : TensorType{type.dtype, {1, type.shape[0]}, {}};
}

/// Where element (row, column) of a matrix lies: row_offset[row % lanes] + column_offset[column] from the start of the
/// row's panel. Separable, because each lane belongs to one axis.
struct Scatter {
  explicit Scatter(const TensorType& matrix) : panel_rows(matrix.lanes_on(0)) {
    for (std::int64_t row = 0; row < std::min(panel_rows, matrix.shape[0]); ++row) {
      row_offset.push_back(matrix.storage_offset({row, 0}));
    }
    for (std::int64_t column = 0; column < matrix.shape[1]; ++column)
      column_offset.push_back(matrix.storage_offset({0, column}));
    panel_elements = matrix.storage_elements() / matrix.outer(0);
  }

  template <class T, class Convert>
  void write(const float* values, std::int64_t first, std::int64_t count, T* memory, const Convert& convert) const {
    const auto columns = static_cast<std::int64_t>(column_offset.size());
    for (std::int64_t begin = 0; begin < columns; begin += kColumnsAtOnce) {
      const std::int64_t end = std::min(columns, begin + kColumnsAtOnce);
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t row = first + i;
        T* to = memory + row / panel_rows * panel_elements + row_offset[static_cast<std::size_t>(row % panel_rows)];
        const float* from = values + i * columns;
        for (std::int64_t c = begin; c < end; ++c) to[column_offset[static_cast<std::size_t>(c)]] = convert(from[c]);
      }
    }
  }

  std::int64_t panel_rows;
  std::int64_t panel_elements = 0;
  std::vector<std::int64_t> row_offset;
  std::vector<std::int64_t> column_offset;
};

void write_rows(const TensorType& matrix, const Scatter& scatter, const float* values, std::int64_t first,
                std::int64_t count, std::byte* memory) {
  if (matrix.dtype == DType::bf16) {
    scatter.write(values, first, count, reinterpret_cast<std::uint16_t*>(memory), [](float x) { return float_to_bf16(x); });
  } else if (matrix.dtype == DType::i8) {
    scatter.write(values, first, count, reinterpret_cast<std::int8_t*>(memory),
                  [](float x) { return static_cast<std::int8_t>(x); });
  } else if (matrix.dtype == DType::i32) {
    scatter.write(values, first, count, reinterpret_cast<std::int32_t*>(memory),
                  [](float x) { return static_cast<std::int32_t>(x); });
  } else {
    scatter.write(values, first, count, reinterpret_cast<float*>(memory), [](float x) { return x; });
  }
}

/// How many tensors are stored.
std::size_t tensors_of(const extract::StoredWeight& weight) { return std::max<std::size_t>(1, weight.layers.size()); }

/// Some rows of one of the tensors of a weight.
struct Task {
  std::size_t weight;
  std::size_t tensor;
  std::int64_t first;
  std::int64_t count;
};

std::vector<Task> cut_into_tasks(std::span<const extract::StoredWeight> weights) {
  std::vector<Task> tasks;
  for (std::size_t w = 0; w < weights.size(); ++w) {
    const std::int64_t rows = as_matrix(weights[w].type).shape[0];
    const std::int64_t at_once = WeightRows::reads_whole_matrix(weights[w].recipe) ? kRowsPerLargeTask : kRowsPerTask;
    for (std::size_t tensor = 0; tensor < tensors_of(weights[w]); ++tensor) {
      for (std::int64_t first = 0; first < rows; first += at_once) {
        tasks.push_back({w, tensor, first, std::min(at_once, rows - first)});
      }
    }
  }
  return tasks;
}

/// The first error of many tasks; the later ones stop early.
class FirstError {
 public:
  [[nodiscard]] bool is_set() const { return set_.load(std::memory_order_relaxed); }
  void set(Error error) {
    const std::lock_guard lock(mutex_);
    if (!set_.exchange(true)) error_ = std::move(error);
  }
  [[nodiscard]] Status status() const {
    if (set_) return tl::unexpected<Error>(error_);
    return {};
  }

 private:
  std::atomic<bool> set_ = false;
  std::mutex mutex_;
  Error error_;
};

}  // namespace

WeightLayout lay_out_weights(std::span<const extract::StoredWeight> weights) {
  WeightLayout layout;
  for (const extract::StoredWeight& weight : weights) {
    const auto bytes = static_cast<std::size_t>(weight.type.storage_bytes());
    const std::size_t distance = align_up(bytes, runtime::kPageBytes);
    runtime::Weight place{.key = weight.key,
                          .type = weight.type.text(),
                          .offset = layout.bytes,
                          .bytes = bytes,
                          .indices = {},
                          .stride = weight.type.packed() ? 0 : weight.type.shape.back()};
    if (!weight.layers.empty()) {
      place.indices.push_back({.kind = runtime::WeightIndex::Kind::layer,
                               .count = static_cast<std::int64_t>(weight.layers.size()),
                               .distance = distance});
    }
    layout.bytes += distance * tensors_of(weight);
    layout.weights.push_back(std::move(place));
  }
  layout.bytes += kReadSlackBytes;
  return layout;
}

Status pack_weights(std::span<const extract::StoredWeight> weights, const WeightLayout& layout,
                    const import::WeightSource& source, std::span<std::byte> memory) {
  assert(memory.size() >= layout.bytes);
  std::vector<Scatter> scatters;
  std::vector<std::vector<WeightRows>> rows(weights.size());  // [weight][tensor]
  for (std::size_t w = 0; w < weights.size(); ++w) {
    scatters.emplace_back(as_matrix(weights[w].type));
    for (std::size_t tensor = 0; tensor < tensors_of(weights[w]); ++tensor) {
      const std::int64_t layer = weights[w].layers.empty() ? 0 : weights[w].layers[tensor];
      NNTUNE_ASSIGN(WeightRows each, WeightRows::create(weights[w].recipe, source, layer));
      rows[w].push_back(std::move(each));
    }
  }
  const std::vector<Task> tasks = cut_into_tasks(weights);
  FirstError error;
  parallel_for(tasks.size(), [&](std::size_t t) {
    if (error.is_set()) return;
    const Task& task = tasks[t];
    const TensorType matrix = as_matrix(weights[task.weight].type);
    // Kept between tasks: a fresh large allocation each time would be mostly page faults.
    thread_local std::vector<float> values;
    values.resize(static_cast<std::size_t>(task.count * matrix.shape[1]));
    const auto& recipe = rows[task.weight][task.tensor];
    if (const Status read = recipe.read(task.first, task.count, values.data()); !read) return error.set(read.error());
    const runtime::Weight& place = layout.weights[task.weight];
    std::byte* to = memory.data() + place.offset + task.tensor * place.index(runtime::WeightIndex::Kind::layer).distance;
    write_rows(matrix, scatters[task.weight], values.data(), task.first, task.count, to);
  });
  return error.status();
}

}  // namespace nntune::module
