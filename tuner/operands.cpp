#include "tuner/operands.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/file.h"
#include "compiler/reference/evaluate.h"
#include "compiler/reference/random.h"
#include "compiler/reference/row_error.h"
#include "compiler/reference/storage.h"

namespace nntune::tuner {
namespace {

using graph::OpKind;
using graph::TensorType;
using reference::HostTensor;

/// The runtime gives states room for whole blocks of this many tokens (kernel_abi.h).
constexpr std::int64_t kCacheBlock = 64;
constexpr std::size_t kCopyAlignment = 4096;

/// Distance between rows in elements; dense.
std::int64_t stride_of(const TensorType& type) { return type.rank() == 2 ? type.shape[1] : 0; }

/// KernelOperand::stride of input `index`: of a state its capacity in tokens.
std::int64_t stride_of_input(const schedule::Workload& workload, std::size_t index, const TensorType& concrete) {
  if (!schedule::is_state_operand(workload.op(), index)) return stride_of(concrete);
  return concrete.shape[schedule::token_axis(workload.inputs[index])];
}

/// Bytes with the room that kernels may use beyond the last row.
std::size_t padded_bytes(TensorType type) {
  if (type.rank() == 2) type.shape[0] += runtime::kRowPadding;
  return static_cast<std::size_t>(reference::storage_bytes(type));
}

/// Values whose products keep a spread of about one, so that errors are neither hidden nor blown up.
double amplitude(const schedule::Workload& workload, std::size_t input, const TensorType& type) {
  if (type.dtype == graph::DType::i32) return static_cast<double>(workload.inputs.back().shape[0]);  // ids into a table
  if (workload.op().kind() == OpKind::matmul && input == schedule::operand_map(workload.op()).w) {
    return std::sqrt(3.0 / static_cast<double>(type.shape[1]));
  }
  return workload.op().kind() == OpKind::attention ? 1.5 : 1.0;
}

/// Holds an exclusive lock on a file for its lifetime.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& path) : file_(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)) {
    if (file_ >= 0) flock(file_, LOCK_EX);
  }
  ~FileLock() {
    if (file_ >= 0) close(file_);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int file_;
};

Expected<TensorType> concrete_output(const schedule::Workload& workload) {
  return graph::infer_type(workload.op(), concrete_inputs(workload));
}

}  // namespace

std::int64_t rows_of(const schedule::Workload& workload) { return workload.inputs.front().shape.front(); }

std::size_t row_axis(const schedule::Workload& workload) {
  return workload.op().traits().in_place ? schedule::token_axis(workload.output) : 0;
}

std::uint64_t seed_of(const schedule::Workload& workload) { return workload.hash().low; }

std::vector<std::size_t> cold_operands(const schedule::Workload& workload) {
  std::vector<std::size_t> cold;
  const schedule::OperandMap at = schedule::operand_map(workload.op());
  for (std::size_t i = 0; workload.op().traits().middle_is_cold && i < at.middle; ++i) cold.push_back(at.w + i);
  return cold;
}

std::vector<TensorType> concrete_inputs(const schedule::Workload& workload) {
  const std::int64_t tokens = workload.past + rows_of(workload);
  const std::int64_t capacity = (tokens + kCacheBlock - 1) / kCacheBlock * kCacheBlock;
  std::vector<TensorType> types = workload.inputs;
  for (std::size_t i = 0; i < types.size(); ++i) {
    std::ranges::replace(types[i].shape, graph::kRunTime, schedule::is_state_operand(workload.op(), i) ? capacity : tokens);
  }
  return types;
}

std::vector<HostTensor<float>> random_inputs(const schedule::Workload& workload) {
  const std::vector<TensorType> types = concrete_inputs(workload);
  std::vector<HostTensor<float>> tensors;
  for (std::size_t i = 0; i < types.size(); ++i) {
    tensors.push_back(reference::random_tensor<float>(types[i], seed_of(workload) + i, amplitude(workload, i, types[i])));
  }
  return tensors;
}

Expected<HostTensor<float>> reference_output(const schedule::Workload& workload,
                                             const std::filesystem::path& shared_folder) {
  NNTUNE_ASSIGN(TensorType type, concrete_output(workload));
  const std::filesystem::path path = shared_folder / (workload.hash().hex() + ".reference");
  const auto bytes = static_cast<std::size_t>(type.elements()) * sizeof(float);
  const FileLock lock(path.string() + ".lock");
  std::error_code missing;
  if (std::filesystem::file_size(path, missing) == bytes && !missing) {
    NNTUNE_ASSIGN(const MappedFile file, MappedFile::open(path));
    HostTensor<float> output(type);
    std::memcpy(output.values.data(), file.bytes().data(), bytes);
    return output;
  }
  const std::vector<HostTensor<float>> inputs = random_inputs(workload);
  NNTUNE_ASSIGN(HostTensor<float> output,
                reference::evaluate<float>(workload.op(), std::span(inputs), {.past = workload.past}));
  NNTUNE_TRY(write_file_atomically(path, {reinterpret_cast<const char*>(output.values.data()), bytes}));
  return output;
}

Expected<Operands> Operands::create(const schedule::Workload& workload) {
  Operands operands;
  operands.workload_ = workload;
  operands.in_place_ = workload.op().traits().in_place;
  NNTUNE_ASSIGN(operands.output_type_, concrete_output(workload));
  std::vector<runtime::KernelOperand> call;
  const std::vector<TensorType> types = concrete_inputs(workload);
  for (std::size_t i = 0; i < types.size(); ++i) {
    NNTUNE_ASSIGN(Pages pages, Pages::allocate(padded_bytes(types[i])));
    const auto bytes = static_cast<std::size_t>(reference::storage_bytes(types[i]));
    HostTensor<float> values =
        reference::random_tensor<float>(types[i], seed_of(workload) + i, amplitude(workload, i, types[i]));
    if (operands.in_place_ && i + 1 == types.size()) {
      // Positions that the kernel is to write.
      reference::for_rows(types[i], row_axis(workload), workload.past, types[i].shape[row_axis(workload)],
                          [&](std::int64_t, std::int64_t at, std::int64_t columns) {
                            std::fill_n(values.values.begin() + at, columns, std::numeric_limits<float>::quiet_NaN());
                          });
    }
    reference::write_storage(values, pages.bytes().first(bytes));
    call.push_back({pages.data(), stride_of_input(workload, i, types[i])});
    operands.inputs_.push_back(std::move(pages));
    operands.input_bytes_.push_back(bytes);
  }
  if (operands.in_place_) {
    const auto cache = operands.inputs_.back().bytes().first(operands.input_bytes_.back());
    operands.original_cache_.assign(cache.begin(), cache.end());
    call.push_back(call.back());
  } else {
    NNTUNE_ASSIGN(operands.output_, Pages::allocate(padded_bytes(operands.output_type_)));
    call.push_back({operands.output_.data(), stride_of(operands.output_type_)});
  }
  operands.calls_.push_back(std::move(call));
  return operands;
}

void Operands::reset_output() {
  if (in_place_) {
    std::ranges::copy(original_cache_, inputs_.back().data());
  } else {
    std::memset(output_.data(), 0xFF, output_.size());  // NaN in f32 and in bf16, -1 in i32
  }
}

HostTensor<float> Operands::read_output(std::int64_t rows) const {
  const std::span<const std::byte> memory = in_place_ ? inputs_.back().bytes() : output_.bytes();
  TensorType type = output_type_;
  if (!in_place_) type.shape[0] = std::min(rows, type.shape[0]);  // rows, or tiles of rows, lie one behind the other
  return reference::read_storage<float>(type, memory.first(static_cast<std::size_t>(reference::storage_bytes(type))));
}

Status Operands::add_cold_copies(std::int64_t bytes, std::int64_t limit_bytes) {
  const std::vector<std::size_t> cold = cold_operands(workload_);
  std::size_t one = 0;
  for (const std::size_t i : cold) one += (input_bytes_[i] + kCopyAlignment - 1) / kCopyAlignment * kCopyAlignment;
  if (one == 0 || calls_.size() > 1) return {};
  const auto wanted = static_cast<std::size_t>(bytes) / one + 1;
  const std::size_t copies = std::min(wanted, std::max<std::size_t>(1, static_cast<std::size_t>(limit_bytes) / one));
  if (copies < 2) return {};
  NNTUNE_ASSIGN(cold_copies_, Pages::allocate((copies - 1) * one));
  std::byte* next = cold_copies_.data();
  for (std::size_t copy = 1; copy < copies; ++copy) {
    std::vector<runtime::KernelOperand> call = calls_.front();
    for (const std::size_t i : cold) {
      std::memcpy(next, inputs_[i].data(), input_bytes_[i]);
      call[i].data = next;
      next += (input_bytes_[i] + kCopyAlignment - 1) / kCopyAlignment * kCopyAlignment;
    }
    calls_.push_back(std::move(call));
  }
  return {};
}

std::int64_t Operands::bytes() const {
  std::size_t sum = output_.size() + cold_copies_.size() + original_cache_.size();
  for (const Pages& pages : inputs_) sum += pages.size();
  return static_cast<std::int64_t>(sum);
}

}  // namespace nntune::tuner
