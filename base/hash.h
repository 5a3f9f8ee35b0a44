/// 128-bit content hashes: the identity of workloads, schedules and machine code across runs and machines.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace nntune {

struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  auto operator<=>(const Hash128&) const = default;
  /// 32 lower-case hexadecimal digits.
  [[nodiscard]] std::string hex() const;
};

/// XXH3-128 of the bytes; the same on every machine.
[[nodiscard]] Hash128 hash128(std::span<const std::byte> bytes);
[[nodiscard]] Hash128 hash128(std::string_view text);

}  // namespace nntune

template <>
struct std::hash<nntune::Hash128> {
  std::size_t operator()(const nntune::Hash128& value) const noexcept { return static_cast<std::size_t>(value.low); }
};
