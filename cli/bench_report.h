/// Results of `nntune bench` in llama-bench's formats and field names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json_fwd.h"

namespace nntune::cli {

/// One test: either a prompt or a generation, at one depth and thread count.
struct BenchResult {
  std::string model{};
  std::string dtype{};
  std::int64_t model_bytes = 0;  ///< of all stored weights
  std::int64_t n_prompt = 0;
  std::int64_t n_gen = 0;
  std::int64_t n_depth = 0;
  int n_threads = 1;
  std::vector<double> samples_seconds{};
  /// Of a generation: weights and keys and values that a token reads on average, and how fast the same threads read memory and
  /// do nothing else, measured beside each sample.
  std::int64_t bytes_per_token = 0;
  std::vector<double> reads_bytes_per_second{};
  double other_load_cores = 0;  ///< what other processes took meanwhile (base/other_load.h)

  /// Tokens a second of each sample.
  [[nodiscard]] std::vector<double> samples_ts() const;
  /// Bytes a second over the plain read's, the median of the samples; nothing for a prompt.
  [[nodiscard]] std::optional<double> read_share() const;
  /// "pp512", "tg64", "tg64 @ d1024".
  [[nodiscard]] std::string test() const;
  [[nodiscard]] Json to_json() const;
};

enum class BenchFormat { md, csv, json, jsonl };
[[nodiscard]] Expected<BenchFormat> parse_bench_format(std::string_view text);

/// What is printed before the first result, for each, and after the last.
[[nodiscard]] std::string bench_header(BenchFormat format);
[[nodiscard]] std::string bench_row(BenchFormat format, const BenchResult& result, bool first);
[[nodiscard]] std::string bench_footer(BenchFormat format);

}  // namespace nntune::cli
