// Choosing tensor programs: what each step of the extraction costs and gives, against the optimum where an integer program proves
// it. Usage: bench_extract [EXACT-SECONDS [DB]]; costs come from the database (default: none, all are estimates).
#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "compiler/dag/extract.h"
#include "compiler/egraph/smallest_term.h"
#include "compiler/extract/instance.h"
#include "compiler/extract/problem.h"
#include "compiler/extract/saturate.h"
#include "compiler/extract/solve.h"
#include "compiler/import/model.h"
#include "compiler/module/model_program.h"
#include "cost_model/database_cost.h"
#include "db/database.h"
#include "db/query.h"

namespace nntune {
namespace {

using std::chrono::milliseconds;

struct Setup {
  Target target;
  std::unique_ptr<db::Database> database;  // the costs point to it
  std::unique_ptr<cost_model::DatabaseCostModel> costs;
};

Expected<Setup> set_up(const std::string& path) {
  Setup setup;
  NNTUNE_ASSIGN(auto database, db::Database::open(path, db::Mode::read_only_if_there));
  setup.database = std::make_unique<db::Database>(std::move(database));
  NNTUNE_ASSIGN(setup.target, probe_target());
  NNTUNE_ASSIGN(const auto stored, db::find_target(*setup.database, setup.target));
  std::optional<std::int64_t> id;
  if (stored) {
    setup.target = stored->latest;
    id = stored->id;
  }
  NNTUNE_ASSIGN(setup.costs, cost_model::DatabaseCostModel::make(
                                 *setup.database, id, std::make_shared<cost_model::EstimateCostModel>(setup.target)));
  return setup;
}

Expected<extract::Problem> problem_of(const std::string& name, graph::DType dtype, const Setup& setup) {
  constexpr int kThreads = 2;
  NNTUNE_ASSIGN(const import::Model model, import::load_model(name, {}, import::Check::shapes));
  NNTUNE_ASSIGN(const auto phases, module::model_phases(model.config, dtype));
  extract::ExtractOptions options;
  options.threads = kThreads;
  options.rules.isa = setup.target.isa;
  NNTUNE_ASSIGN(const auto space, extract::saturate(phases, options));
  const egraph::SmallestTerms terms(space->graph);
  return extract::make_problem(space->graph, space->language, terms, space->goals, space->layers,
                               options.stored_byte_seconds, kThreads, *setup.costs);
}

Status run(double exact_seconds, const std::string& path) {
  NNTUNE_ASSIGN(const Setup setup, set_up(path));
  fmt::print("{:<16} {:>8} {:>8}  {:>10} {:>9}  {:>10} {:>9}  {:>10} {:>8}\n", "", "classes", "options", "forms", "ms",
             "chosen", "ms", "bound", "s");
  for (const char* name : {"qwen3-0.6b", "qwen3-1.7b", "qwen3-4b", "qwen3-8b"}) {
    for (const graph::DType dtype : {graph::DType::bf16, graph::DType::f32}) {
      NNTUNE_ASSIGN(const extract::Problem problem, problem_of(name, dtype, setup));
      std::size_t options = 0;
      for (const auto& each : problem.classes) options += each.options.size();
      Clock::time_point begin = Clock::now();
      NNTUNE_ASSIGN(const extract::SolveResult start, extract::solve(problem, {.rounds = 0}));
      const double start_ms = 1e3 * seconds_since(begin);
      begin = Clock::now();
      NNTUNE_ASSIGN(const extract::SolveResult solved, extract::solve(problem));
      const double solve_ms = 1e3 * seconds_since(begin);
      const egraph::ExtractionInstance instance = extract::to_instance(problem, std::numeric_limits<double>::infinity());
      dag::ExtractOptions exact;
      exact.exact = true;
      exact.limit = milliseconds(static_cast<int>(1000 * exact_seconds));
      begin = Clock::now();
      NNTUNE_ASSIGN(const dag::DagExtraction proved, dag::extract(instance, exact));
      const double exact_took = seconds_since(begin);
      const auto over = [&](double cost) { return fmt::format("{:+.4f} %", 100 * (cost / proved.cost - 1)); };
      fmt::print("{:<16} {:>8} {:>8}  {:>10} {:>9.1f}  {:>10} {:>9.1f}  {:>10} {:>8.1f}{}\n",
                 fmt::format("{} {}", name, graph::name(dtype)), problem.classes.size(), options, over(start.best.cost),
                 start_ms, over(solved.best.cost), solve_ms, over(proved.lower_bound), exact_took,
                 proved.optimal ? " optimal" : "");
      std::fflush(stdout);
    }
  }
  return {};
}

}  // namespace
}  // namespace nntune

int main(int argc, char** argv) {
  const nntune::Status status =
      nntune::run(argc > 1 ? std::atof(argv[1]) : 30, argc > 2 ? argv[2] : "/nonexistent/tuning.db");
  if (!status) fmt::print(stderr, "{}\n", status.error().message());
  return status ? 0 : 1;
}
