#include "cli/kernel_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "cli/wrap.h"

namespace nntune::cli {
namespace {

using graph::OpKind;
using schedule::Workload;

constexpr std::size_t kNameColumns = 42;

/// dtype and lanes: "bf16<0:32,1:2>".
std::string layout(const graph::TensorType& type) {
  const std::string text = type.text();
  return text.substr(0, text.find('[')) + text.substr(text.find(']') + 1);
}

std::string with_chain(std::string_view name, const graph::Chain& before, const graph::Chain& after) {
  std::string result(name);
  if (!before.empty()) result += fmt::format(" {}", graph::text(before));
  if (!after.empty()) result += fmt::format(" ; {}", graph::text(after));
  return result;
}

}  // namespace

std::string short_name(const Workload& workload) {
  const graph::Op& op = workload.op;
  switch (op.kind()) {
    case OpKind::matmul: {
      const graph::TensorType& w = workload.inputs[schedule::operand_map(op).w];
      return with_chain("matmul", op.prologue(), op.epilogue()) +
             fmt::format(" {}->{} {}", w.shape[1], w.shape[0], layout(w));
    }
    case OpKind::attention: {
      const auto& attention = op.as<graph::Attention>();
      return with_chain("attention", op.prologue(), op.epilogue()) +
             fmt::format(" {}/{} heads, past {}", attention.heads, attention.kv_heads, workload.past) +
             (attention.splits > 1 ? fmt::format(", in {} splits", attention.splits) : "");
    }
    case OpKind::attention_merge: {
      const auto& merge = op.as<graph::AttentionMerge>();
      return with_chain("attention_merge", {}, op.epilogue()) +
             fmt::format(" {} heads, {} splits", merge.heads, merge.splits);
    }
    case OpKind::rowwise: return fmt::format("{} {}", with_chain("rowwise", op.prologue(), {}), workload.output.text());
    case OpKind::cache_append:
      return fmt::format("{} {}", with_chain("cache_append", op.prologue(), {}), workload.output.text());
    case OpKind::embed: return fmt::format("embed {}", workload.inputs[1].text());
    case OpKind::argmax:
    case OpKind::input:  // from here on no workload is of that kind (RunTime)
    case OpKind::state:
    case OpKind::weight:
    case OpKind::slice:
    case OpKind::concat:
    case OpKind::interleave:
    case OpKind::transpose:
    case OpKind::reshape:
    case OpKind::pack:
    case OpKind::unpack: break;
  }
  return fmt::format("{} {}", workload.family(), workload.inputs[0].text());
}

std::string format_seconds(double seconds) {
  const auto three_digits = [](double value, const char* unit) {
    return fmt::format("{:.{}f} {}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, unit);
  };
  if (seconds < 0.9995e-3) return three_digits(seconds * 1e6, "us");
  if (seconds < 0.9995) return three_digits(seconds * 1e3, "ms");
  return three_digits(seconds, "s");
}

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
      const std::vector<std::string> name = wrap(short_name(step.workload), kNameColumns);
      for (std::size_t i = 0; i + 1 < name.size(); ++i) out += fmt::format("  {}\n", name[i]);
      out += fmt::format("  {:<{}} {:>8} {:>4.1f} % {:>8}  {}\n", name.back(), kNameColumns, format_seconds(seconds), share,
                         roofline, measured ? "measured" : "estimated");
    }
  }
  return out;
}

}  // namespace nntune::cli
