// `nntune explain`: the chosen program, kernel by kernel, why it was chosen, and where each number came from.
#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/explain_facts.h"
#include "cli/explain_text.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "compiler/module/model_program.h"
#include "reports/explain_page.h"

namespace nntune::cli {
namespace {

void declare(Options& options) {
  declare_model_options(options);
  options.add("phase", "only decode or prefill", "PHASE");
  options.flag("brief", "only the tables of kernels");
  options.flag("all", "every choice, and all that is known of it");
  options.flag("json", "print one JSON object");
  options.add("html", "write a page with the program and the e-graph, to be opened in a browser", "FILE");
  declare_allow_option(options);
  declare_exact_options(options);
}

Expected<int> run(const Arguments& arguments) {
  NNTUNE_ASSIGN(const ModelOptions options, read_model_options(arguments));
  std::string phase;
  if (arguments.has("phase")) {
    phase = arguments.text("phase");
    if (phase != "decode" && phase != "prefill") {
      return fail(ErrorKind::usage, fmt::format("--phase '{}' is unknown", phase), "give decode or prefill");
    }
  }
  NNTUNE_ASSIGN(const auto proof_limit, read_exact_options(arguments));
  const bool brief = arguments.has("brief");
  const bool all = arguments.has("all");
  if (brief && all) return fail(ErrorKind::usage, "--brief and --all contradict each other", "give one of them");
  const bool html = arguments.has("html");
  // Known at once, and not behind the extraction.
  if (html) NNTUNE_TRY(check_writable(arguments.text("html")));
  NNTUNE_ASSIGN(const Costs costs, open_costs(options.db, options.isa));
  NNTUNE_ASSIGN(const import::Model model, import::load_model(options.model, options.weights, import::Check::shapes));
  NNTUNE_ASSIGN(
      const extract::Extraction extraction,
      module::plan_model(model.config, options.dtype, options.threads, costs.target.isa, *costs.model,
                         options.limits(options.memory_given), {.rules = true, .egraph = html, .proof_limit = proof_limit}));
  if (!extraction.explanation.solver_trouble.empty()) {
    fmt::print(stderr, "nntune: {}\n", extraction.explanation.solver_trouble);
  }
  NNTUNE_ASSIGN(const ExplainFacts facts, gather_facts(model.name, options, costs, extraction, phase));
  NNTUNE_TRY(costs.model->status());
  if (html) {
    const std::filesystem::path file = arguments.text("html");
    NNTUNE_TRY(write_file_atomically(
        file, reports::explain_page(to_json(facts), to_json(*extraction.explanation.egraph, costs.target.isa))));
    if (!arguments.has("json")) {
      fmt::print("wrote {}\n", file.string());
      return 0;
    }
  }
  if (arguments.has("json")) {
    fmt::print("{}\n", to_json(facts).dump(2));
  } else {
    fmt::print("{}", render(facts, brief ? Detail::tables : all ? Detail::all : Detail::what_matters));
  }
  return 0;
}

}  // namespace

extern const Command kExplainCommand;
const Command kExplainCommand = {"explain",
                                 "MODEL [--phase decode|prefill] [--html FILE] [--brief|--all] [--json] [--exact]",
                                 "show the chosen program, why it was chosen, and what each kernel costs", declare, run};

}  // namespace nntune::cli
