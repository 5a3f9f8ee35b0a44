/// A module whose kernels are C++ functions, for tests of the runtime alone: each image jumps to one of them.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "compiler/runtime/module.h"
#include "compiler/runtime/module_file.h"

namespace nntune::runtime::testing {

inline constexpr std::int64_t kVocab = 16;
inline constexpr std::int64_t kHidden = 4;
inline constexpr std::int64_t kLayers = 3;

// Each kernel gives row r to thread r % threads, so that the threads really share the work.

/// x[r][c] = id + c
inline void embed_kernel(const KernelCall* call) {
  const auto* ids = static_cast<const std::int32_t*>(call->operands[0].data);
  auto* x = static_cast<float*>(call->operands[1].data);
  for (std::int64_t r = call->thread; r < call->rows; r += call->threads) {
    for (std::int64_t c = 0; c < kHidden; ++c) x[r * call->operands[1].stride + c] = static_cast<float>(ids[r] + c);
  }
}

/// cache[0][past + r][0..1] = x[r][0..1] (one head of 2)
inline void append_kernel(const KernelCall* call) {
  const auto* x = static_cast<const float*>(call->operands[0].data);
  auto* cache = static_cast<float*>(call->operands[2].data);
  for (std::int64_t r = call->thread; r < call->rows; r += call->threads) {
    std::memcpy(cache + (call->sequences[0].position + r) * 2, x + r * call->operands[0].stride, 8);
  }
}

/// y[r][c] = sum of cache[p][c % 2] over p <= past + r
inline void sum_kernel(const KernelCall* call) {
  const auto* cache = static_cast<const float*>(call->operands[0].data);
  auto* y = static_cast<float*>(call->operands[1].data);
  for (std::int64_t r = call->thread; r < call->rows; r += call->threads) {
    for (std::int64_t c = 0; c < kHidden; ++c) {
      float sum = 0;
      for (std::int64_t p = 0; p <= call->sequences[0].position + r; ++p) sum += cache[p * 2 + c % 2];
      y[r * call->operands[1].stride + c] = sum;
    }
  }
}

/// z = 0.5 x + weight[c] * y
inline void mix_kernel(const KernelCall* call) {
  const auto* x = static_cast<const float*>(call->operands[0].data);
  const auto* y = static_cast<const float*>(call->operands[1].data);
  const auto* weight = static_cast<const float*>(call->operands[2].data);
  auto* z = static_cast<float*>(call->operands[3].data);
  for (std::int64_t r = call->thread; r < call->rows; r += call->threads) {
    for (std::int64_t c = 0; c < kHidden; ++c) {
      z[r * call->operands[3].stride + c] =
          0.5F * x[r * call->operands[0].stride + c] + weight[c] * y[r * call->operands[1].stride + c];
    }
  }
}

/// logits[v] = sin(v * x[0] + x[1]), by all threads
inline void logits_kernel(const KernelCall* call) {
  const auto* x = static_cast<const float*>(call->operands[0].data);
  auto* logits = static_cast<float*>(call->operands[1].data);
  for (std::int64_t v = call->thread; v < kVocab; v += call->threads) {
    logits[v] = std::sin(static_cast<float>(v) * x[0] + x[1]);
  }
}

inline void argmax_kernel(const KernelCall* call) {
  if (call->thread != 0) return;
  const auto* logits = static_cast<const float*>(call->operands[0].data);
  std::int32_t best = 0;
  for (std::int32_t v = 1; v < kVocab; ++v) best = logits[v] > logits[best] ? v : best;
  *static_cast<std::int32_t*>(call->operands[1].data) = best;
}

/// What the module computes after `ids`, token by token, in plain loops.
inline std::vector<float> expected_logits(const std::vector<std::int32_t>& ids) {
  std::vector<std::vector<std::vector<float>>> x(kLayers + 1, {ids.size(), std::vector<float>(kHidden)});
  for (std::size_t r = 0; r < ids.size(); ++r) {
    for (std::int64_t c = 0; c < kHidden; ++c) x[0][r][static_cast<std::size_t>(c)] = static_cast<float>(ids[r] + c);
  }
  for (std::size_t layer = 0; layer < kLayers; ++layer) {
    for (std::size_t r = 0; r < ids.size(); ++r) {
      for (std::size_t c = 0; c < kHidden; ++c) {
        float sum = 0;
        for (std::size_t p = 0; p <= r; ++p) sum += x[layer][p][c % 2];
        x[layer + 1][r][c] = 0.5F * x[layer][r][c] + 0.01F * static_cast<float>(layer + 1) * sum;
      }
    }
  }
  std::vector<float> logits(kVocab);
  for (std::size_t v = 0; v < kVocab; ++v) {
    logits[v] = std::sin(static_cast<float>(v) * x[kLayers].back()[0] + x[kLayers].back()[1]);
  }
  return logits;
}

/// mov rax, function; jmp rax, in 64 bytes
inline void append_jump(std::vector<std::byte>& code, KernelFn function) {
  const std::size_t at = code.size();
  code.resize(at + 64);
  const auto address = reinterpret_cast<std::uint64_t>(function);
  code[at] = std::byte{0x48};
  code[at + 1] = std::byte{0xB8};
  std::memcpy(&code[at + 2], &address, 8);
  code[at + 10] = std::byte{0xFF};
  code[at + 11] = std::byte{0xE0};
}

/// One weight f32[4] a layer, value 0.01 * (layer + 1), 64 bytes apart.
inline void fill_weights(std::span<std::byte> weights) {
  for (std::size_t layer = 0; layer < kLayers; ++layer) {
    for (std::size_t c = 0; c < kHidden; ++c) {
      const float value = 0.01F * static_cast<float>(layer + 1);
      std::memcpy(weights.data() + layer * 64 + c * 4, &value, 4);
    }
  }
}
inline constexpr std::size_t kWeightBytes = kLayers * 64;

inline Plan tiny_plan() {
  Plan plan;
  plan.model = {.name = "tiny",
                .vocab = kVocab,
                .hidden = kHidden,
                .layers = kLayers,
                .head_dim = 2,
                .rope = {.frequencies = {1}},
                .max_positions = 0,
                .dtype = "f32",
                .weights = "given",
                .end_tokens = {0}};
  for (std::uint64_t i = 0; i < 6; ++i) {
    plan.kernels.push_back(
        {.workload = "w", .schedule = "{}", .tuned = i % 2 == 0, .image_offset = i * 64, .image_bytes = 64});
  }
  plan.weights.push_back({.key = "w",
                          .type = "f32[4]",
                          .offset = 0,
                          .bytes = 16,
                          .indices = {{.kind = WeightIndex::Kind::layer, .count = kLayers, .distance = 64}},
                          .stride = 4});
  plan.states.push_back({.type = "f32[1,?,2]", .rows = 1, .row_bytes = 8, .layers = kLayers});
  using Kind = Operand::Kind;
  for (const std::int64_t rows : {1, 4}) {
    const auto matrix = [&](std::int64_t columns) { return Buffer{(rows + kRowPadding) * columns * 4, columns, 4}; };
    const Section embed{"embed", 1, {matrix(kHidden)}, {{0, {{Kind::ids}, {Kind::buffer, 0}}}}, {{Kind::buffer, 0}}};
    const Section body{"body",
                       kLayers,
                       {matrix(kHidden), matrix(kHidden)},
                       {{1, {{Kind::x}, {Kind::state}, {Kind::state}}},
                        {2, {{Kind::state}, {Kind::buffer, 0}}},
                        {3, {{Kind::x}, {Kind::buffer, 0}, {Kind::weight, 0}, {Kind::buffer, 1}}}},
                       {{Kind::buffer, 1}}};
    const Section head{"head",
                       1,
                       {{(1 + kRowPadding) * kVocab * 4, kVocab, 4}, {4, 1, 4}},
                       {{4, {{Kind::x}, {Kind::buffer, 0}}}, {5, {{Kind::buffer, 0}, {Kind::buffer, 1}}}},
                       {{Kind::buffer, 0}, {Kind::buffer, 1}}};
    plan.phases.push_back({rows == 1 ? "decode" : "prefill", rows, {embed, body, head}});
  }
  return plan;
}

inline std::vector<std::byte> tiny_code() {
  std::vector<std::byte> code;
  for (const KernelFn kernel : {&embed_kernel, &append_kernel, &sum_kernel, &mix_kernel, &logits_kernel, &argmax_kernel}) {
    append_jump(code, kernel);
  }
  return code;
}

inline std::shared_ptr<const Module> tiny_module() {
  Memory weights = Memory::allocate(kWeightBytes, "weights").value();
  fill_weights(weights.bytes());
  return Module::from_memory(tiny_plan(), tiny_code(), "", std::move(weights)).value();
}

/// The same as a file; its code is good for the process that wrote it alone.
[[nodiscard]] inline Status write_tiny_module(const std::filesystem::path& path, const Plan& plan = tiny_plan()) {
  const std::string manifest = plan.to_json().dump();
  const std::vector<std::byte> code = tiny_code();
  return write_module_file(
      path, {manifest, code, "{}", {}}, kWeightBytes,
      [](std::span<std::byte> weights) -> Status {
        fill_weights(weights);
        return {};
      },
      2);
}

}  // namespace nntune::runtime::testing
