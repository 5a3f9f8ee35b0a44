#include "tuner/check.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>

#include "compiler/reference/evaluate.h"

namespace nntune::tuner {
namespace {

using reference::HostTensor;
using runtime::KernelCall;

/// What the planted kernels below compute: out[i, j] = a[i, j] + b[i, j].
constexpr const char* kSum = "rowwise{add}(f32[40,64],f32[40,64])->f32[40,64] past=0 t=2";
constexpr std::int64_t kColumns = 64;

void add_row(const KernelCall& call, std::int64_t row) {
  const auto* a = static_cast<const float*>(call.operands[0].data) + row * kColumns;
  const auto* b = static_cast<const float*>(call.operands[1].data) + row * kColumns;
  auto* out = static_cast<float*>(call.operands[2].data) + row * kColumns;
  // Atomic, as two threads write the same row in overlapping(): that is for the check to find, and no undefined behaviour.
  for (std::int64_t i = 0; i < kColumns; ++i) std::atomic_ref(out[i]).store(a[i] + b[i], std::memory_order_relaxed);
}

std::int64_t begin_of(const KernelCall& call) { return call.rows * call.thread / call.threads; }
std::int64_t end_of(const KernelCall& call) { return call.rows * (call.thread + 1) / call.threads; }

void right(const KernelCall* call) {
  for (std::int64_t row = begin_of(*call); row < end_of(*call); ++row) add_row(*call, row);
}

/// Leaves the last row of each part.
void too_short(const KernelCall* call) {
  for (std::int64_t row = begin_of(*call); row + 1 < end_of(*call); ++row) add_row(*call, row);
}

/// Right for all rows, but not for a shorter prompt.
void only_whole(const KernelCall* call) {
  if (call->rows == 40) right(call);
}

/// Every thread computes the row between two parts.
void overlapping(const KernelCall* call) {
  for (std::int64_t row = begin_of(*call); row < std::min(end_of(*call) + 1, call->rows); ++row) add_row(*call, row);
}

/// The threads keep an intermediate row in the same memory, as scratch that is not their own: right for one after the other.
void racing(const KernelCall* call) {
  static std::array<std::atomic<float>, kColumns> shared;
  static std::atomic<int> stored = 0;
  const auto* a = static_cast<const float*>(call->operands[0].data);
  const auto* b = static_cast<const float*>(call->operands[1].data);
  auto* out = static_cast<float*>(call->operands[2].data);
  for (std::int64_t row = begin_of(*call); row < end_of(*call); ++row) {
    for (std::int64_t i = 0; i < kColumns; ++i) shared[static_cast<std::size_t>(i)] = a[row * kColumns + i];
    // The loop of another thread would be here now: gives it the time, as long as there may be one.
    const int mine = ++stored;
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(row == begin_of(*call) ? 5 : 0);
    while (stored == mine && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
    for (std::int64_t i = 0; i < kColumns; ++i) {
      out[row * kColumns + i] = shared[static_cast<std::size_t>(i)] + b[row * kColumns + i];
    }
  }
}

/// Reads its scratch before it has written there.
void remembering(const KernelCall* call) {
  right(call);
  const auto* scratch = static_cast<const float*>(call->scratch);
  static_cast<float*>(call->operands[2].data)[begin_of(*call) * kColumns] += scratch[0];
}

Comparison checked(const char* text, runtime::KernelFn kernel) {
  const auto workload = schedule::Workload::parse(text);
  EXPECT_TRUE(workload) << text;
  auto operands = Operands::create(*workload);
  const auto expected = reference::evaluate<float>(workload->op(), random_inputs(*workload), {.past = workload->past});
  EXPECT_TRUE(operands && expected);
  constexpr std::size_t kStride = 128;
  runtime::Team team(workload->threads);
  const auto scratch = Pages::allocate(kStride * static_cast<std::size_t>(workload->threads));
  return check(*operands, {.function = kernel, .scratch = scratch->data(), .scratch_stride = kStride}, team, *expected);
}

TEST(Check, ARightKernelIsRight) {
  const Comparison result = checked(kSum, right);
  EXPECT_TRUE(result.ok()) << result.text();
  EXPECT_EQ(result.max_error, 0);
}

TEST(Check, RowsThatNobodyWritesAreFound) {
  const Comparison result = checked(kSum, too_short);
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.text(), "row 19 was not written, or is not finite");
}

TEST(Check, AShorterPromptIsCheckedToo) {
  const Comparison result = checked(kSum, only_whole);
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.text(), "row 0 was not written, or is not finite");
}

TEST(Check, AnElementThatTwoThreadsWriteIsFoundThoughItIsRight) {
  const Comparison result = checked(kSum, overlapping);
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.text(), "threads 0 and 1 both write row 3");  // of the 6 rows of a shorter prompt
}

TEST(Check, ARaceBetweenThreadsIsVisible) {
  const Comparison result = checked(kSum, racing);
  EXPECT_FALSE(result.ok());
  EXPECT_GT(result.max_error, 1e-2) << result.text();
}

TEST(Check, ScratchIsNotWhatItWasBefore) { EXPECT_TRUE(std::isnan(checked(kSum, remembering).max_error)); }

TEST(Check, PositionsOfACacheThatNobodyWritesAreFound) {
  const Comparison result =
      checked("cache_append{}(f32[3,64],f32[2,?,32])->f32[2,?,32] past=7 t=1", [](const KernelCall* call) {
        const auto* rows = static_cast<const float*>(call->operands[0].data);
        auto* cache = static_cast<float*>(call->operands[2].data);
        const std::int64_t capacity = call->operands[2].stride;
        for (std::int64_t head = 0; head < 2; ++head) {
          for (std::int64_t row = 0; row + head < call->rows; ++row) {  // the second head lacks the last row
            for (std::int64_t i = 0; i < 32; ++i) {
              cache[(head * capacity + call->sequences[0].position + row) * 32 + i] = rows[row * 64 + head * 32 + i];
            }
          }
        }
      });
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.text(), "row 9 was not written, or is not finite");
}

TEST(Check, ASmallWrongRowDoesNotHideBehindALargeOne) {
  const auto workload = schedule::Workload::parse("rowwise{add}(f32[2,4],f32[2,4])->f32[2,4] past=0 t=1");
  const graph::TensorType type = workload->output;
  const HostTensor<float> expected(type, {1e6F, -1e6F, 1e6F, 1e6F, 1e-3F, 1e-3F, -1e-3F, 1e-3F});
  HostTensor<float> got = expected;
  EXPECT_TRUE(compare(*workload, got, expected, 2).ok());
  got.values[5] = 1.1e-3F;
  const Comparison result = compare(*workload, got, expected, 2);
  EXPECT_FALSE(result.ok());
  EXPECT_NEAR(result.max_error, 0.1, 1e-3);
  EXPECT_EQ(result.row, 1);
  got.values[5] = 0;
  got.values[4] = NAN;
  EXPECT_TRUE(std::isnan(compare(*workload, got, expected, 2).max_error));
  EXPECT_TRUE(compare(*workload, got, expected, 1).ok());  // the second row was not asked for
}

}  // namespace
}  // namespace nntune::tuner
