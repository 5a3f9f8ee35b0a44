#include "base/target_text.h"

#include <fmt/format.h>

#include <array>

namespace nntune {
namespace {

constexpr std::size_t kColumns = 80;
constexpr std::size_t kLabelColumns = 10;

std::string size_text(std::int64_t bytes) {
  return bytes % (1 << 20) == 0 ? fmt::format("{} MB", bytes >> 20) : fmt::format("{} KB", bytes >> 10);
}

// Three digits are what such a measurement is worth; "-" for a unit that is not there.
std::string giga_text(double per_second) {
  const double giga = per_second / 1e9;
  return per_second == 0 ? "-" : giga < 100 ? fmt::format("{:.1f}", giga) : fmt::format("{:.0f}", giga);
}

// "label     word word word", wrapped below the first word.
std::string paragraph(std::string_view label, const std::vector<std::string>& words) {
  std::string text;
  std::string line = fmt::format("{:<{}}", label, kLabelColumns);
  bool empty = true;
  for (const std::string& word : words) {
    if (!empty && line.size() + 1 + word.size() > kColumns) {
      text += line + '\n';
      line.assign(kLabelColumns, ' ');
      empty = true;
    }
    line += (empty ? "" : " ") + word;
    empty = false;
  }
  return text + line + '\n';
}

struct Row {
  std::string_view unit;
  double peak;
  std::string_view level;
  double bandwidth;
};

}  // namespace

std::string render_target(const Target& target) {
  const std::string all_cores = target.cores > 1 ? fmt::format("DRAM, {} cores", target.cores) : "";
  const std::array rows = {
      Row{"f32 FMA", target.f32_fma, "L1", target.l1_read},
      Row{"bf16 dot", target.bf16_dot, "L2", target.l2_read},
      Row{"int8 dot", target.int8_dot, "L3", target.l3_read},
      Row{"AMX bf16", target.amx_bf16, "DRAM", target.dram_read},
      Row{"AMX int8", target.amx_int8, all_cores, target.dram_read_all_cores},
  };
  std::string text = paragraph("target", {target.short_name});
  text += paragraph("cores", {fmt::format("{} allowed by affinity and cgroup", target.cores)});
  text += paragraph("caches", {fmt::format("L1 {}, L2 {}, L3 {}", size_text(target.l1d_bytes), size_text(target.l2_bytes),
                                           size_text(target.l3_bytes))});
  text += paragraph("features", target.isa.names().empty() ? std::vector<std::string>{"sse2"} : target.isa.names());
  text += fmt::format("\n{:<10} {:>22}   {:<16} {:>14}\n", "unit", "GMAC/s, one core", "read", "GB/s");
  for (const Row& row : rows) {
    text += row.level.empty() ? fmt::format("{:<10} {:>22}\n", row.unit, giga_text(row.peak))
                              : fmt::format("{:<10} {:>22}   {:<16} {:>14}\n", row.unit, giga_text(row.peak), row.level,
                                            giga_text(row.bandwidth));
  }
  if (target.cores > 1) {
    text += fmt::format("\nbarrier of {} cores: {:.0f} ns\n", target.cores, target.barrier_seconds * 1e9);
  }
  if (!target.measured) {
    text += "peaks, bandwidths and barrier are defaults for these features: not measured\n";
  }
  return text;
}

}  // namespace nntune
