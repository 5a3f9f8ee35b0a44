/// Arguments that several commands share, and strict readers for numbers, lists and durations.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/arguments.h"
#include "compiler/graph/types.h"
#include "compiler/module/model_program.h"

namespace nntune::cli {

/// Options of every command that takes a model.
struct ModelOptions {
  std::string model;                             ///< built-in name, folder, or (where a command allows it) a .nnm file
  std::optional<std::filesystem::path> db;       ///< none: the default database
  std::optional<std::filesystem::path> weights;  ///< real weights for a built-in name
  graph::DType dtype = graph::DType::bf16;       ///< of stored weights
  bool dtype_given = false;
  int threads = 1;  ///< default: all CPUs this process may use
  bool threads_given = false;
  std::set<std::string> allowed;  ///< PlanLimits::allowed
  std::string isa;                ///< Isa::limited_to; "": all that this CPU has
  std::int64_t ctx = 4096;        ///< tokens the KV cache has room for
  bool ctx_given = false;
  double memory_bytes = 0;  ///< the program may take; default: most of what this process may have
  bool memory_given = false;

  /// \param hard  MemoryLimit::hard
  [[nodiscard]] module::MemoryLimit memory(bool hard) const { return {memory_bytes, ctx, hard}; }
  [[nodiscard]] module::PlanLimits limits(bool hard) const { return {.allowed = allowed, .memory = memory(hard)}; }
};

/// Declares MODEL (positional), --db, --weights, --dtype, -t, --isa, --ctx, --memory.
void declare_model_options(Options& options);
/// Errors are ErrorKind::usage and name the option. `-t` must be one number, unless there is a place for `several`; then
/// `threads` is the first.
[[nodiscard]] Expected<ModelOptions> read_model_options(const Arguments& arguments, std::vector<int>* several = nullptr);

/// Declares --allow, which read_model_options reads.
void declare_allow_option(Options& options);
/// "--allow weight-rounding: norms are folded ...", "" without any.
[[nodiscard]] std::string allowed_text(const std::set<std::string>& allowed);

/// Declares --exact and --limit: proving how good the program is.
void declare_exact_options(Options& options);
/// Time for the proof, 0 without --exact. Errors: usage (--limit without --exact, or no duration).
[[nodiscard]] Expected<std::chrono::milliseconds> read_exact_options(const Arguments& arguments);

/// Declares --db FILE alone.
void declare_db_option(Options& options);
[[nodiscard]] std::optional<std::filesystem::path> read_db_option(const Arguments& arguments);

/// Declares --isa ISA alone.
void declare_isa_option(Options& options);
/// As Isa::limited_to takes it; "" if not given.
[[nodiscard]] Expected<std::string> read_isa_option(const Arguments& arguments);

/// A whole number in lowest..highest, nothing before or behind it. `option` is for the error.
[[nodiscard]] Expected<std::int64_t> parse_integer(std::string_view text, std::string_view option, std::int64_t lowest,
                                                   std::int64_t highest);
/// The same, separated by commas, at least one.
[[nodiscard]] Expected<std::vector<std::int64_t>> parse_integers(std::string_view text, std::string_view option,
                                                                 std::int64_t lowest, std::int64_t highest);
/// A finite number in lowest..highest.
[[nodiscard]] Expected<double> parse_number(std::string_view text, std::string_view option, double lowest, double highest);
/// "90s", "3m", "1.5h", "500ms"; more than nothing, at most 30 days.
[[nodiscard]] Expected<std::chrono::milliseconds> parse_duration(std::string_view text, std::string_view option);
/// Thread counts, each 1 .. 4 times the CPUs this process may use.
[[nodiscard]] Expected<std::vector<int>> parse_threads(std::string_view text);

}  // namespace nntune::cli
