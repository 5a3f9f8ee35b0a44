#include "cli/bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/json.h"
#include "base/statistics.h"
#include "cli/statistics.h"

namespace nntune::cli {
namespace {

constexpr std::string_view kCsvHeader =
    "model,dtype,model_bytes,n_prompt,n_gen,n_depth,n_threads,avg_ts,stddev_ts,median_ts,read_bytes_per_second,read_share,"
    "other_load_cores\n";

/// A field with a comma, quote or line break in quotes (RFC 4180).
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string md_row(const BenchResult& result) {
  const Summary summary = summarize(result.samples_ts());
  const std::string share = result.read_share() ? fmt::format("{:.0f} %", 100 * *result.read_share()) : "";
  return fmt::format("| {:<20} | {:>9} | {:>7} | {:>14} | {:>18} | {:>8.2f} | {:>9} |\n",
                     fmt::format("{} {}", result.model, result.dtype),
                     fmt::format("{:.2f} GB", static_cast<double>(result.model_bytes) / 1e9), result.n_threads,
                     result.test(), fmt::format("{:.2f} ± {:.2f}", summary.mean, summary.stddev), summary.median, share);
}

}  // namespace

std::vector<double> BenchResult::samples_ts() const {
  std::vector<double> result;
  for (const double seconds : samples_seconds) result.push_back(static_cast<double>(n_prompt + n_gen) / seconds);
  return result;
}

std::optional<double> BenchResult::read_share() const {
  if (n_gen == 0 || reads_bytes_per_second.empty()) return std::nullopt;
  const std::vector<double> ts = samples_ts();
  std::vector<double> shares;
  for (std::size_t i = 0; i < std::min(ts.size(), reads_bytes_per_second.size()); ++i) {
    shares.push_back(ts[i] * static_cast<double>(bytes_per_token) / reads_bytes_per_second[i]);
  }
  return median(std::move(shares));
}

std::string BenchResult::test() const {
  const std::string depth = n_depth == 0 ? "" : fmt::format(" @ d{}", n_depth);
  return (n_prompt > 0 ? fmt::format("pp{}", n_prompt) : fmt::format("tg{}", n_gen)) + depth;
}

Json BenchResult::to_json() const {
  const std::vector<double> ts = samples_ts();
  const Summary summary = summarize(ts);
  const Summary seconds = summarize(samples_seconds);
  Json samples_ns = Json::array();
  for (const double each : samples_seconds) samples_ns.push_back(std::llround(each * 1e9));
  Json json = {{"model", model},
               {"dtype", dtype},
               {"model_bytes", model_bytes},
               {"n_prompt", n_prompt},
               {"n_gen", n_gen},
               {"n_depth", n_depth},
               {"n_threads", n_threads},
               {"avg_ns", std::llround(seconds.mean * 1e9)},
               {"stddev_ns", std::llround(seconds.stddev * 1e9)},
               {"avg_ts", summary.mean},
               {"stddev_ts", summary.stddev},
               {"median_ts", summary.median},
               {"samples_ns", samples_ns},
               {"samples_ts", ts},
               {"other_load_cores", other_load_cores}};
  if (const auto share = read_share()) {
    json["bytes_per_token"] = bytes_per_token;
    json["read_bytes_per_second"] = median(reads_bytes_per_second);
    json["read_share"] = *share;
  }
  return json;
}

Expected<BenchFormat> parse_bench_format(std::string_view text) {
  if (text == "md") return BenchFormat::md;
  if (text == "csv") return BenchFormat::csv;
  if (text == "json") return BenchFormat::json;
  if (text == "jsonl") return BenchFormat::jsonl;
  return fail(ErrorKind::usage, fmt::format("-o '{}' is unknown", text), "give md, csv, json or jsonl");
}

std::string bench_header(BenchFormat format) {
  switch (format) {
    case BenchFormat::md:
      return fmt::format("| {:<20} | {:>9} | {:>7} | {:>14} | {:>18} | {:>8} | {:>9} |\n", "model", "size", "threads",
                         "test", "t/s", "median", "of a read") +
             "| -------------------- | --------: | ------: | -------------: | -----------------: | -------: | --------: |\n";
    case BenchFormat::csv: return std::string(kCsvHeader);
    case BenchFormat::json: return "[";
    case BenchFormat::jsonl: break;
  }
  return "";
}

std::string bench_row(BenchFormat format, const BenchResult& result, bool first) {
  switch (format) {
    case BenchFormat::md: return md_row(result);
    case BenchFormat::csv: {
      const Summary summary = summarize(result.samples_ts());
      const auto share = result.read_share();
      return fmt::format("{},{},{},{},{},{},{},{:.6f},{:.6f},{:.6f},{},{},{:.3f}\n", csv_field(result.model), result.dtype,
                         result.model_bytes, result.n_prompt, result.n_gen, result.n_depth, result.n_threads, summary.mean,
                         summary.stddev, summary.median,
                         share ? fmt::format("{:.0f}", median(result.reads_bytes_per_second)) : "",
                         share ? fmt::format("{:.4f}", *share) : "", result.other_load_cores);
    }
    case BenchFormat::json: return (first ? "\n" : ",\n") + result.to_json().dump(2);
    case BenchFormat::jsonl: break;
  }
  return result.to_json().dump() + "\n";
}

std::string bench_footer(BenchFormat format) { return format == BenchFormat::json ? "\n]\n" : ""; }

}  // namespace nntune::cli
