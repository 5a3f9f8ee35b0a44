#include "cli/options.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/bytes.h"
#include "base/cgroup.h"
#include "base/target.h"
#include "compiler/rules/permissions.h"

namespace nntune::cli {
namespace {

tl::unexpected<Error> usage(std::string what, std::string hint) {
  return fail(ErrorKind::usage, std::move(what), std::move(hint));
}

constexpr std::int64_t kMaxContext = std::int64_t{1} << 20;
/// Of the memory that this process may ever have; the rest is for the system, for code, and for what loading and packing map.
constexpr double kMemoryShare = 0.9;
constexpr const char* kDefaultExactLimit = "30s";

}  // namespace

Expected<std::int64_t> parse_integer(std::string_view text, std::string_view option, std::int64_t lowest,
                                     std::int64_t highest) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return usage(fmt::format("{} '{}' is not a whole number", option, text), fmt::format("give {} to {}", lowest, highest));
  }
  if (value < lowest || value > highest) {
    return usage(fmt::format("{} {} is out of range", option, value), fmt::format("give {} to {}", lowest, highest));
  }
  return value;
}

Expected<std::vector<std::int64_t>> parse_integers(std::string_view text, std::string_view option, std::int64_t lowest,
                                                   std::int64_t highest) {
  std::vector<std::int64_t> values;
  while (true) {
    const std::size_t comma = text.find(',');
    NNTUNE_ASSIGN(const std::int64_t value, parse_integer(text.substr(0, comma), option, lowest, highest));
    values.push_back(value);
    if (comma == std::string_view::npos) return values;
    text.remove_prefix(comma + 1);
  }
}

Expected<double> parse_number(std::string_view text, std::string_view option, double lowest, double highest) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return usage(fmt::format("{} '{}' is not a number", option, text), fmt::format("give {} to {}", lowest, highest));
  }
  if (value < lowest || value > highest) {
    return usage(fmt::format("{} {} is out of range", option, value), fmt::format("give {} to {}", lowest, highest));
  }
  return value;
}

Expected<std::chrono::milliseconds> parse_duration(std::string_view text, std::string_view option) {
  const std::string_view whole = text;
  const auto bad = [&] {
    return usage(fmt::format("{} '{}' is not a duration", option, whole), "write for example 90s, 3m or 2h");
  };
  double seconds_per_unit = 0;
  std::size_t unit_length = 1;
  if (text.ends_with("ms")) {
    seconds_per_unit = 1e-3;
    unit_length = 2;
  } else if (text.ends_with('s')) {
    seconds_per_unit = 1;
  } else if (text.ends_with('m')) {
    seconds_per_unit = 60;
  } else if (text.ends_with('h')) {
    seconds_per_unit = 3600;
  } else {
    return bad();
  }
  text.remove_suffix(unit_length);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return bad();
  const double milliseconds = value * seconds_per_unit * 1e3;
  constexpr double kMaxMilliseconds = 30.0 * 24 * 3600 * 1e3;
  if (!(milliseconds >= 1) || milliseconds > kMaxMilliseconds) {
    return usage(fmt::format("{} '{}' is out of range", option, whole), "give 1ms to 720h");
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds));
}

Expected<std::vector<int>> parse_threads(std::string_view text) {
  const std::int64_t most = 4 * static_cast<std::int64_t>(allowed_cpus().size());
  NNTUNE_ASSIGN(const auto values, parse_integers(text, "-t", 1, most));
  return std::vector<int>(values.begin(), values.end());
}

void declare_allow_option(Options& options) {
  std::string help = "let programs change results: ";
  for (const rules::Permission& permission : rules::permissions()) {
    help += fmt::format("{}{} ({})", &permission == rules::permissions().data() ? "" : ", ", permission.name,
                        permission.may_change);
  }
  options.add_list("allow", help, "NAME,...");
}

std::string allowed_text(const std::set<std::string>& allowed) {
  std::string text;
  for (const rules::Permission& permission : rules::permissions()) {
    if (!allowed.contains(std::string(permission.name))) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "--allow " : "; ", permission.name, permission.may_change);
  }
  return text;
}

void declare_exact_options(Options& options) {
  options.flag("exact",
               "solve an integer program after the local search: a better program counts if it is proved to be the best");
  options.add("limit", fmt::format("time for that (default: {})", kDefaultExactLimit), "TIME");
}

Expected<std::chrono::milliseconds> read_exact_options(const Arguments& arguments) {
  const bool limited = arguments.has("limit");
  if (!arguments.has("exact")) {
    if (limited) return usage("--limit is the time of --exact, which is not given", "give --exact, too");
    return std::chrono::milliseconds(0);
  }
  return parse_duration(limited ? arguments.text("limit") : kDefaultExactLimit, "--limit");
}

void declare_db_option(Options& options) {
  options.add("db", "tuning database (default: $XDG_DATA_HOME/nntune/tuning.db)", "FILE");
}

std::optional<std::filesystem::path> read_db_option(const Arguments& arguments) {
  if (!arguments.has("db")) return std::nullopt;
  return arguments.text("db");
}

void declare_isa_option(Options& options) {
  options.add("isa", "compile for avx2, avx512 or avx512-bf16 (default: all that this CPU has)", "ISA");
}

Expected<std::string> read_isa_option(const Arguments& arguments) {
  if (!arguments.has("isa")) return std::string();
  const auto& isa = arguments.text("isa");
  if (isa.empty()) return usage("--isa names no instruction set", "give avx2, avx512 or avx512-bf16");
  return isa;
}

void declare_model_options(Options& options) {
  declare_db_option(options);
  declare_isa_option(options);
  options.add("model", "built-in name (see `nntune models`) or Hugging Face folder", "MODEL");
  options.add("weights", "folder with real weights for a built-in name", "DIR");
  options.add("dtype", "type of the stored weights: f32 or bf16", "TYPE", "bf16");
  options.add("t,threads", "threads (default: all CPUs this process may use)", "THREADS");
  options.add("ctx", "tokens the KV cache has room for", "N", "4096");
  options.add(
      "memory",
      "what the program may take, e.g. 2G: weights, KV cache and buffers (default: 90 % of what this process may have)",
      "BYTES");
  options.positional({"model"});
}

Expected<ModelOptions> read_model_options(const Arguments& arguments, std::vector<int>* several) {
  ModelOptions result;
  if (arguments.text("model").empty()) {
    return usage("no model given", "name one of `nntune models`, a Hugging Face folder or a .nnm file");
  }
  result.model = arguments.text("model");
  result.db = read_db_option(arguments);
  if (arguments.has("weights")) result.weights = arguments.text("weights");

  const auto& dtype = arguments.text("dtype");
  if (dtype != "f32" && dtype != "bf16") return usage(fmt::format("--dtype '{}' is unknown", dtype), "give f32 or bf16");
  result.dtype = dtype == "f32" ? graph::DType::f32 : graph::DType::bf16;
  result.dtype_given = arguments.has("dtype");

  result.threads = static_cast<int>(allowed_cpus().size());
  if (arguments.has("threads")) {
    NNTUNE_ASSIGN(const auto threads, parse_threads(arguments.text("threads")));
    if (threads.size() != 1 && several == nullptr)
      return usage("-t takes one number here", "give it once for each thread count");
    result.threads = threads.front();
    result.threads_given = true;
    if (several != nullptr) *several = threads;
  } else if (several != nullptr) {
    *several = {result.threads};
  }
  NNTUNE_ASSIGN(result.isa, read_isa_option(arguments));
  if (arguments.has("allow")) {
    for (const std::string& name : arguments.list("allow")) {
      NNTUNE_TRY(rules::find_permission(name));
      result.allowed.insert(name);
    }
  }
  NNTUNE_ASSIGN(result.ctx, parse_integer(arguments.text("ctx"), "--ctx", 1, kMaxContext));
  result.ctx_given = arguments.has("ctx");
  result.memory_bytes = kMemoryShare * static_cast<double>(usable_memory_bytes());
  if (arguments.has("memory")) {
    const auto& text = arguments.text("memory");
    const auto bytes = parse_bytes(text);
    if (!bytes) return usage(fmt::format("--memory '{}' is no amount of memory", text), "write for example 512M or 2G");
    result.memory_bytes = *bytes;
    result.memory_given = true;
  }
  return result;
}

}  // namespace nntune::cli
