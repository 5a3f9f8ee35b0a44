// `nntune compile`: from a model and the tuning database to a .nnm; measures nothing.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/clock.h"
#include "base/file.h"
#include "cli/caveats.h"
#include "cli/command.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "compiler/module/lower.h"
#include "compiler/schedule/short_name.h"

namespace nntune::cli {
namespace {

void declare(Options& options) {
  declare_model_options(options);
  options.add("o,output", "the module to write", "FILE.nnm");
  declare_allow_option(options);
  declare_exact_options(options);
}

/// One line a kernel: tuned or not, its name.
void print_kernels(const Compilation& compilation) {
  const auto workloads = module::distinct_workloads(compilation.extraction.program);
  const auto& kernels = compilation.program.plan.kernels;
  for (std::size_t i = 0; i < workloads.size(); ++i) {
    const std::string rows = workloads[i].output.rank() == 2 ? fmt::format("{} x ", workloads[i].output.shape[0]) : "";
    fmt::print("{:<7} {}{}\n", kernels[i].tuned ? "tuned" : "untuned", rows, schedule::short_name(workloads[i]));
  }
  const auto tuned = std::ranges::count_if(kernels, &runtime::Kernel::tuned);
  fmt::print("{} of {} kernels tuned", tuned, kernels.size());
  if (tuned == 0) {
    fmt::print("; `nntune search {}` tunes them", compilation.model.name);
  }
  fmt::print("\n");
  for (const std::string& line :
       {busy_line(busy_rows(compilation.extraction.program, *compilation.costs.model), compilation.costs.target.cores),
        cut_off_line(compilation.extraction.explanation.saturation)}) {
    if (!line.empty()) fmt::print("{}\n", line);
  }
}

Expected<int> run(const Arguments& arguments) {
  NNTUNE_ASSIGN(const ModelOptions options, read_model_options(arguments));
  if (!arguments.has("output")) return fail(ErrorKind::usage, "no output given", "name the module with -o FILE.nnm");
  NNTUNE_ASSIGN(const auto proof_limit, read_exact_options(arguments));
  const std::filesystem::path output = arguments.text("output");
  NNTUNE_TRY(check_writable(output));  // known at once, and not behind the packing

  const auto start = Clock::now();
  NNTUNE_ASSIGN(const Compilation compilation, compile_model(options, proof_limit, output));
  const double compile_seconds = seconds_since(start);
  print_kernels(compilation);
  if (!options.allowed.empty()) fmt::print("{}\n", allowed_text(options.allowed));
  if (compilation.program.plan.model.weights == "random") {
    fmt::print("the weights are random ({}): speed is real, text is not\n", compilation.model.weights->description());
  }
  const auto pack_start = Clock::now();
  NNTUNE_TRY(module::write_module(output, compilation.program, compilation.model, options.threads));
  fmt::print("wrote {} ({:.1f} MB): compiled in {:.1f} s, packed and written in {:.1f} s\n", output.string(),
             static_cast<double>(std::filesystem::file_size(output)) / 1e6, compile_seconds, seconds_since(pack_start));
  return 0;
}

}  // namespace

extern const Command kCompileCommand;
const Command kCompileCommand = {"compile", "MODEL -o FILE.nnm [--weights DIR]",
                                 "compile a model from the tuning database into a module", declare, run};

}  // namespace nntune::cli
