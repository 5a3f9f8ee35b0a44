/// Amounts of memory as people write them, in powers of 1000.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nntune {

/// "1.24 GB", "310.0 MB", "4.1 kB", "17 bytes": rounded up, so that what is said to be needed is enough.
[[nodiscard]] std::string format_bytes(double bytes);

/// Of "2G", "1.5GB", "512M", "80k", "1000": nothing if it is no amount above 0.
[[nodiscard]] std::optional<double> parse_bytes(std::string_view text);

}  // namespace nntune
