/// bfloat16: the upper half of an IEEE float.
#pragma once

#include <bit>
#include <cstdint>

namespace nntune {

[[nodiscard]] inline float bf16_to_float(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// Nearest, ties to even; NaN stays NaN.
[[nodiscard]] inline std::uint16_t float_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto rounded = static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
  const auto quiet_nan = static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return (bits & 0x7FFFFFFFU) > 0x7F800000U ? quiet_nan : rounded;
}

/// The nearest value that bf16 holds.
[[nodiscard]] inline float round_to_bf16(float value) { return bf16_to_float(float_to_bf16(value)); }

}  // namespace nntune
