// `nntune explain`: the chosen program, kernel by kernel, and where each number came from.
#include <fmt/format.h>

#include <cmath>

#include "base/json.h"
#include "cli/command.h"
#include "cli/kernel_table.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "compiler/module/model_program.h"

namespace nntune::cli {
namespace {

void declare(cxxopts::Options& options) {
  declare_model_options(options);
  auto add = options.add_options();
  add("alternatives", "the runner-up of each choice and what it would cost");
  add("json", "print one JSON object");
}

std::string render_alternatives(const extract::Explanation& explanation) {
  std::string out = "runners-up: by how much the whole would be slower\n";
  for (const extract::Decision& decision : explanation.decisions) {
    out += fmt::format("  {} {} {}\n", decision.phase, decision.section, short_name(decision.chosen));
    if (decision.runner_up.empty()) {
      out += "    no other kernel\n";
    } else {
      out += fmt::format(
          "    +{} with {}\n", format_seconds(decision.runner_up_seconds),
          decision.runner_up_workload.empty() ? decision.runner_up : short_name(decision.runner_up_workload.front()));
    }
  }
  return out;
}

Json to_json(const extract::Extraction& extraction) {
  Json phases = Json::array();
  for (const auto& phase : extraction.program.phases) {
    Json kernels = Json::array();
    for (const auto& section : phase.sections) {
      for (const auto& step : section.steps) {
        const double seconds = step.cost.seconds;
        kernels.push_back({{"section", section.name},
                           {"repeat", section.repeat},
                           {"workload", step.workload.text()},
                           {"seconds", seconds},
                           {"share", seconds * static_cast<double>(section.repeat) / phase.seconds()},
                           {"source", step.cost.source == extract::CostSource::measured ? "measured" : "estimated"}});
      }
    }
    phases.push_back({{"name", phase.name}, {"rows", phase.rows}, {"seconds", phase.seconds()}, {"kernels", kernels}});
  }
  return {{"phases", phases},
          {"programs", extraction.explanation.programs},
          {"nodes", extraction.explanation.nodes},
          {"classes", extraction.explanation.classes},
          {"stored_bytes", extraction.explanation.stored_bytes}};
}

Expected<int> run(const cxxopts::ParseResult& arguments) {
  NNTUNE_ASSIGN(const ModelOptions options, read_model_options(arguments));
  NNTUNE_ASSIGN(const Costs costs, open_costs(options.db, options.isa));
  NNTUNE_ASSIGN(const import::Model model, import::load_model(options.model, options.weights, import::Check::shapes));
  NNTUNE_ASSIGN(const extract::Extraction extraction,
                module::plan_model(model.config, options.dtype, options.threads, costs.target.isa, *costs.model));
  NNTUNE_TRY(costs.model->status());
  if (arguments.count("json") != 0) {
    fmt::print("{}\n", to_json(extraction).dump(2));
    return 0;
  }
  fmt::print("{} {}, {} thread{}, {}{}\n", model.name, graph::name(options.dtype), options.threads,
             options.threads == 1 ? "" : "s", costs.target.short_name,
             costs.target.measured ? "" : " (default peaks: `nntune target` measures them)");
  fmt::print("chosen from 10^{:.0f} programs; {:.1f} MB of weights\n",
             std::log10(std::max(1.0, extraction.explanation.programs)), extraction.explanation.stored_bytes / 1e6);
  for (const auto& phase : extraction.program.phases) fmt::print("\n{}", render_phase(phase, costs.target));
  if (arguments.count("alternatives") != 0) fmt::print("\n{}", render_alternatives(extraction.explanation));
  return 0;
}

}  // namespace

extern const Command kExplainCommand;
const Command kExplainCommand = {"explain", "MODEL [--alternatives] [--json]",
                                 "show the chosen program and what each kernel costs", declare, run};

}  // namespace nntune::cli
