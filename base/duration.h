/// Times for people.
#pragma once

#include <string>

namespace nntune {

/// Three digits and a unit: "1.23 us", "45.6 ms", "2.00 s"; "-" for what is not finite.
[[nodiscard]] std::string format_seconds(double seconds);

/// "4:05", "1:00:00"; whole seconds, below zero as zero.
[[nodiscard]] std::string clock_text(double seconds);

}  // namespace nntune
