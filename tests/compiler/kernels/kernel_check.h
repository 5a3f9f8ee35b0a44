/// Runs generated kernels on random operands and compares them with the reference evaluator.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "compiler/codegen/object.h"
#include "compiler/kernels/family.h"
#include "compiler/kernels/operands.h"
#include "compiler/reference/evaluate.h"
#include "compiler/reference/random.h"
#include "compiler/reference/storage.h"
#include "compiler/runtime/code.h"
#include "compiler/runtime/kernel_abi.h"

namespace nntune::kernels {

inline constexpr std::int64_t kTestCapacity = 192;

/// 64-byte aligned zeros.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::size_t size) : bytes_(size + 64) {}
  [[nodiscard]] std::byte* data() {
    const auto address = reinterpret_cast<std::uintptr_t>(bytes_.data());
    return bytes_.data() + (64 - address % 64) % 64;
  }

 private:
  std::vector<std::byte> bytes_;
};

/// The type with the capacity in place of run-time dimensions.
inline graph::TensorType with_capacity(graph::TensorType type) {
  for (std::int64_t& extent : type.shape) {
    if (extent == graph::kRunTime) extent = kTestCapacity;
  }
  return type;
}

/// Runs `object` as `threads` threads one after the other and returns the largest error relative to the largest value; of the
/// logarithms behind the parts of attention, each of which is a factor of a weight, the largest difference.
inline double kernel_error(const schedule::Workload& workload, const codegen::ObjectCode& object, int threads) {
  using reference::HostTensor;
  std::vector<HostTensor<float>> inputs;
  for (std::size_t i = 0; i < workload.inputs.size(); ++i) {
    const graph::TensorType type = with_capacity(workload.inputs[i]);
    const double amplitude = type.dtype == graph::DType::i32 ? static_cast<double>(workload.inputs[1].shape[0]) : 1.0;
    inputs.push_back(reference::random_tensor<float>(type, i + 1, amplitude));
  }
  auto expected = reference::evaluate<float>(workload.op, inputs, {.past = workload.past});
  EXPECT_TRUE(expected) << (expected ? "" : expected.error().message());
  if (!expected) return INFINITY;

  const std::int64_t rows = workload.inputs[0].shape[0];
  const bool in_place = workload.op.traits().in_place;
  std::vector<AlignedBytes> memory;
  std::vector<runtime::KernelOperand> operands;
  const auto place = [&](const graph::TensorType& type, bool state, const HostTensor<float>* values) {
    const bool matrix = type.rank() == 2 && !type.packed();
    const std::int64_t stride = state ? kTestCapacity : (matrix ? type.shape[1] : 0);
    const std::size_t bytes = static_cast<std::size_t>(reference::storage_bytes(type));
    const std::size_t row_bytes = static_cast<std::size_t>(type.rank() == 2 ? type.shape[1] : 1) * 4;
    memory.emplace_back(bytes + row_bytes * runtime::kRowPadding);
    if (values != nullptr) reference::write_storage(*values, {memory.back().data(), bytes});
    operands.push_back({memory.back().data(), stride});
  };
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    place(inputs[i].type, schedule::is_state_operand(workload.op, i), &inputs[i]);
  }
  const graph::TensorType output = with_capacity(workload.output);
  if (in_place) {
    operands.push_back(operands.back());
  } else {
    place(output, false, nullptr);
  }
  auto code = runtime::LoadedCode::load(object.image);
  EXPECT_TRUE(code);
  if (!code) return INFINITY;
  AlignedBytes scratch(static_cast<std::size_t>(object.scratch_bytes));
  for (int thread = 0; thread < threads; ++thread) {
    const runtime::KernelSequence sequence{.position = workload.past, .length = rows, .row_table = nullptr};
    runtime::KernelCall call = runtime::call_for(sequence);
    call.operands = operands.data();
    call.thread = thread;
    call.threads = threads;
    call.scratch = scratch.data();
    code->entry(object.entry)(&call);
  }
  const auto bytes = static_cast<std::size_t>(reference::storage_bytes(output));
  const auto actual = reference::read_storage<float>(output, {static_cast<std::byte*>(operands.back().data), bytes});
  const auto* const attention = workload.op.get_if<graph::Attention>();
  const bool parts = attention != nullptr && attention->splits > 1;
  const std::size_t logarithms = parts ? static_cast<std::size_t>(attention->splits * attention->heads) : 0;
  double worst = 0;
  double worst_logarithm = 0;
  double largest = 1e-6;
  for (std::size_t i = 0; i < expected->values.size(); ++i) {
    const double want = expected->values[i];
    const double error = std::abs(actual.values[i] - want);
    const bool logarithm = i >= expected->values.size() - logarithms;
    double& worse = logarithm ? worst_logarithm : worst;
    worse = std::isfinite(error) ? std::max(worse, error) : INFINITY;
    if (!logarithm) largest = std::max(largest, std::abs(want));
  }
  return std::max(worst / largest, worst_logarithm);
}

inline Isa host_isa() {
  static const Isa isa = probe_target()->isa;
  return isa;
}

inline schedule::Workload parse_workload(const std::string& text) {
  auto workload = schedule::Workload::parse(text);
  EXPECT_TRUE(workload) << (workload ? "" : workload.error().message());
  return workload ? *workload : schedule::Workload{};
}

inline void expect_right_on(const std::string& text, double tolerance, int samples, const Isa& isa) {
  const schedule::Workload workload = parse_workload(text);
  auto family = find_family(workload);
  ASSERT_TRUE(family) << family.error().message();
  Target target = *probe_target();
  target.isa = isa;
  const schedule::Space space = (*family)->space(workload, target);
  std::vector<schedule::Schedule> schedules;
  auto first = default_schedule(workload, target);
  ASSERT_TRUE(first) << first.error().message();
  schedules.push_back(*first);
  std::mt19937_64 rng(7);
  for (int i = 0; i < samples; ++i) {
    if (auto schedule = space.random(rng)) schedules.push_back(*schedule);
  }
  for (const schedule::Schedule& schedule : schedules) {
    SCOPED_TRACE(schedule.text());
    auto function = (*family)->build(workload, schedule, isa);
    ASSERT_TRUE(function) << function.error().message();
    auto object = codegen::compile(*function, isa);
    ASSERT_TRUE(object) << object.error().message() << "\n" << loopir::text(*function);
    EXPECT_LT(kernel_error(workload, *object, workload.threads), tolerance);
  }
}

/// Checks the default schedule and `samples` random ones, for all that this CPU has, for AVX2 and for any CPU; the last two where
/// they have the instructions and registers that the layouts need.
inline void expect_right(const std::string& text, double tolerance, int samples = 6) {
  SCOPED_TRACE(text);
  const schedule::Workload workload = parse_workload(text);
  auto family = find_family(workload);
  ASSERT_TRUE(family) << family.error().message();
  ASSERT_EQ((*family)->refuse(workload, host_isa()), "");
  expect_right_on(text, tolerance, samples, host_isa());
  const auto avx2 = host_isa().limited_to("avx2");
  for (const Isa& isa : {avx2 ? *avx2 : Isa{}, Isa{}}) {
    SCOPED_TRACE(isa.avx2 ? "avx2" : "any CPU");
    Target target = *probe_target();
    target.isa = isa;
    if (default_schedule(workload, target)) expect_right_on(text, tolerance, std::min(samples, 3), isa);
  }
}

}  // namespace nntune::kernels
