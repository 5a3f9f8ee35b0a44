#include "cli/kernel_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/duration.h"
#include "cli/wrap.h"
#include "compiler/schedule/short_name.h"

namespace nntune::cli {
namespace {

constexpr std::size_t kNameColumns = 42;

}  // namespace

std::int64_t decode_context(const extract::PhaseProgram& phase) {
  std::int64_t past = 0;
  if (phase.rows > 1) return past;
  for (const extract::SectionProgram& section : phase.sections) {
    for (const extract::KernelStep& step : section.steps) past = std::max(past, step.workload.past);
  }
  return past;
}

std::string render_phase(const extract::PhaseProgram& phase, std::span<const std::optional<double>> roofline_shares) {
  const double total = phase.seconds();
  const std::int64_t context = decode_context(phase);
  std::size_t next = 0;
  std::string out = fmt::format("{}, {} token{}: {}, {:.1f} tok/s{}\n", phase.name, phase.rows, phase.rows == 1 ? "" : "s",
                                format_seconds(total), static_cast<double>(phase.rows) / total,
                                context > 0 ? fmt::format(" behind {} tokens", context) : "");
  out += fmt::format("  {:<{}} {:>8} {:>6} {:>8}  {}\n", "kernel", kNameColumns, "time", "share", "roofline", "source");
  for (const extract::SectionProgram& section : phase.sections) {
    out += section.repeat == 1 ? fmt::format("{}\n", section.name)
                               : fmt::format("{}, {} times\n", section.name, section.repeat);
    for (const extract::KernelStep& step : section.steps) {
      const double seconds = step.cost.seconds;
      const double share = 100 * seconds * static_cast<double>(section.repeat) / total;
      const bool bounded = next < roofline_shares.size() && roofline_shares[next].has_value();
      const std::string roofline = bounded ? fmt::format("{:.0f} %", 100 * *roofline_shares[next]) : "-";
      ++next;
      const bool measured = step.cost.source == extract::CostSource::measured;
      const std::vector<std::string> name = wrap(schedule::short_name(step.workload), kNameColumns);
      for (std::size_t i = 0; i + 1 < name.size(); ++i) out += fmt::format("  {}\n", name[i]);
      out += fmt::format("  {:<{}} {:>8} {:>4.1f} % {:>8}  {}\n", name.back(), kNameColumns, format_seconds(seconds), share,
                         roofline, measured ? "measured" : "estimated");
    }
  }
  return out;
}

}  // namespace nntune::cli
