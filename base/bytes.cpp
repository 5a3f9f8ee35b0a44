#include "base/bytes.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace nntune {

std::string format_bytes(double bytes) {
  struct Unit {
    double bytes;
    const char* name;
    int digits;
  };
  for (const Unit& unit : {Unit{1e12, "TB", 2}, Unit{1e9, "GB", 2}, Unit{1e6, "MB", 1}, Unit{1e3, "kB", 1}}) {
    if (bytes < unit.bytes) continue;
    const double steps = std::pow(10, unit.digits);
    // Less by less than a byte, so that 1.1 GB, which no double is, does not become 1.11.
    return fmt::format("{:.{}f} {}", std::ceil(bytes / unit.bytes * steps * (1 - 1e-13)) / steps, unit.digits, unit.name);
  }
  return fmt::format("{:.0f} bytes", std::ceil(bytes));
}

std::optional<double> parse_bytes(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit.ends_with('B') || unit.ends_with('b')) unit.remove_suffix(1);
  if (unit.size() > 1) return std::nullopt;
  double factor = 1;
  switch (unit.empty() ? '\0' : unit[0]) {
    case '\0': break;
    case 'k':
    case 'K': factor = 1e3; break;
    case 'm':
    case 'M': factor = 1e6; break;
    case 'g':
    case 'G': factor = 1e9; break;
    case 't':
    case 'T': factor = 1e12; break;
    default: return std::nullopt;
  }
  value *= factor;
  if (!(value >= 1) || !(value <= 1e18)) return std::nullopt;
  return value;
}

}  // namespace nntune
