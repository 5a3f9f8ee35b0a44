#include "tuner/ablation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "base/json.h"
#include "base/other_load.h"
#include "compiler/rules/registry.h"
#include "cost_model/database_cost.h"
#include "cost_model/estimate_cost.h"
#include "tuner/end_to_end.h"
#include "tuner/interrupt.h"
#include "tuner/interruptible.h"

namespace nntune::tuner {
namespace {

/// Of each pair of programs: enough for an interval from the pairs of prefills, two a round.
constexpr int kRounds = 12;

/// Programs that are chosen under different limits.
class Stage {
 public:
  Stage(std::shared_ptr<const import::Model> model, const Target& target, std::shared_ptr<db::Database> database,
        const SearchOptions& options)
      : model_(std::move(model)), target_(target), database_(std::move(database)), options_(options) {}

  /// The program that the database makes now, under these limits.
  Expected<std::shared_ptr<const CompiledContestant>> compile(const module::PlanLimits& limits) {
    NNTUNE_ASSIGN(const std::int64_t id, database_->record_target(target_));
    NNTUNE_ASSIGN(
        const std::shared_ptr<const cost_model::DatabaseCostModel> costs,
        cost_model::DatabaseCostModel::make(*database_, id, std::make_shared<cost_model::EstimateCostModel>(target_)));
    // The database is captured for the costs, which read it.
    NNTUNE_ASSIGN(auto extraction, run_interruptibly([costs, database = database_, model = model_, limits, isa = target_.isa,
                                                      dtype = options_.dtype, threads = options_.threads] {
                    return module::plan_model(model->config, dtype, threads, isa, *costs, limits);
                  }));
    NNTUNE_TRY(costs->status());
    const auto bytes = static_cast<std::size_t>(extraction.explanation.stored_bytes);
    if (layers_ == 0) layers_ = layers_that_fit(bytes, model_->config.layers, 2);
    ContestantRequest request{.model = model_,
                              .extraction = std::move(extraction),
                              .costs = costs,
                              .objects = objects_,
                              .dtype = options_.dtype,
                              .isa = target_.isa,
                              .threads = options_.threads,
                              .measured_layers = layers_};
    return run_interruptibly(
        [request = std::move(request), database = database_]() -> Expected<std::shared_ptr<const CompiledContestant>> {
          NNTUNE_ASSIGN(CompiledContestant compiled, compile_contestant(request));
          return std::make_shared<const CompiledContestant>(std::move(compiled));
        });
  }

 private:
  std::shared_ptr<const import::Model> model_;
  const Target& target_;
  std::shared_ptr<db::Database> database_;
  const SearchOptions& options_;
  std::shared_ptr<module::ObjectCache> objects_ = std::make_shared<module::ObjectCache>();
  std::int64_t layers_ = 0;
};

std::string interval_text(const Contrast& contrast) {
  return fmt::format("{:.3f} ({:.3f}-{:.3f})", contrast.ratio, contrast.interval.low, contrast.interval.high);
}

Json to_json(const Contrast& contrast) {
  return {{"ratio", contrast.ratio}, {"low", contrast.interval.low}, {"high", contrast.interval.high}};
}

void summarize(const AblationReport& report, int cores, Progress& progress) {
  std::vector<std::string> lines = {
      "time without it over time with all rules; in turn, 95 % confidence",
      fmt::format("{:<17} {:<20} {:<20} {}", "without", "prefill", fmt::format("decode behind {}", report.decode_context),
                  fmt::format("both ({}+{})", extract::kPromptTokens, extract::kAnswerTokens))};
  Json rows = Json::array();
  for (const Ablation& row : report.ablations) {
    const auto& [prefill, decode, request] = row.times;
    lines.push_back(fmt::format("{:<17} {:<20} {:<20} {}", row.name, interval_text(prefill), interval_text(decode),
                                interval_text(request)));
    rows.push_back(
        {{"without", row.name}, {"prefill", to_json(prefill)}, {"decode", to_json(decode)}, {"request", to_json(request)}});
  }
  if (report.other_load_cores >= kToldLoadCores) lines.push_back(other_load_text(report.other_load_cores, cores));
  progress.finish(lines, {{"event", "ablations"},
                          {"ablations", rows},
                          {"decode_context", report.decode_context},
                          {"other_load_cores", report.other_load_cores}});
}

}  // namespace

Expected<std::vector<module::PlanLimits>> parse_ablations(const std::vector<std::string>& names) {
  std::vector<module::PlanLimits> result;
  for (const std::string& name : names) {
    const auto families = rules::families();
    if (name == kNothing) {
      result.emplace_back();
    } else if (name == kPipeline) {
      result.push_back({.pipeline = true});
    } else if (std::ranges::find(families, name, &rules::Family::name) != families.end()) {
      result.push_back({.without = {name}});
    } else {
      std::vector<std::string_view> known;
      for (const rules::Family& family : families) known.push_back(family.name);
      return fail(ErrorKind::usage, fmt::format("there is no rule family \"{}\" to leave out", name),
                  fmt::format("give {}, {} or {}", fmt::join(known, ", "), kPipeline, kNothing));
    }
  }
  return result;
}

Expected<AblationReport> ablate(const std::shared_ptr<const import::Model>& model, const Target& target,
                                const std::shared_ptr<db::Database>& database, const SearchOptions& options,
                                const std::vector<std::string>& names, Progress& progress) {
  NNTUNE_ASSIGN(auto variants, parse_ablations(names));
  variants.insert(variants.begin(), module::PlanLimits{});
  for (module::PlanLimits& limits : variants) {
    limits.memory = options.limits.memory;
    limits.allowed = options.limits.allowed;
  }
  AblationReport report;
  // Before anything is measured: without some families there is no program at all.
  for (const module::PlanLimits& limits : std::span(variants).subspan(1)) {
    NNTUNE_TRY(run_interruptibly([limits, model, isa = target.isa, dtype = options.dtype, threads = options.threads,
                                  costs = std::make_shared<cost_model::EstimateCostModel>(target)] {
      return module::plan_model(model->config, dtype, threads, isa, *costs, limits);
    }));
  }
  // Each program is chosen and compiled from what was known before and what its own search has measured.
  std::vector<std::int64_t> sessions;
  Stage stage(model, target, database, options);
  std::vector<std::shared_ptr<const CompiledContestant>> compiled;
  const auto load = [](const std::shared_ptr<const CompiledContestant>& contestant) {
    return run_interruptibly([contestant] { return load_contestant(*contestant); });
  };
  for (const module::PlanLimits& limits : variants) {
    SearchOptions each = options;
    each.limits = limits;
    NNTUNE_TRY(database->hide_sessions(sessions));
    NNTUNE_ASSIGN(const SearchReport searched, search(model, target, database, each, progress));
    if (searched.interrupted) return AblationReport{.interrupted = true};
    NNTUNE_ASSIGN(auto program, stage.compile(limits));
    compiled.push_back(std::move(program));
    sessions.push_back(searched.session_id);
  }
  NNTUNE_TRY(database->hide_sessions({}));
  const auto compare = [&]() -> Status {
    NNTUNE_ASSIGN(const auto full, load(compiled.front()));
    report.decode_context = static_cast<std::int64_t>(full->prompt().size());
    const OtherLoad others;
    for (std::size_t i = 0; i < names.size(); ++i) {
      progress.note(fmt::format("running with and without {} in turn", names[i]));
      NNTUNE_ASSIGN(auto without, load(compiled[i + 1]));
      const auto duel = std::make_shared<Duel>(full, std::move(without));
      for (int round = 0; round < kRounds; ++round) NNTUNE_TRY(run_interruptibly([duel] { return duel->round(); }));
      if (!duel->pages_exchanged() && i == 0) progress.note(kPagesNotExchanged);
      report.ablations.push_back({names[i], duel->contrasts()});
      report.other_load_cores = others.cores();
    }
    return {};
  };
  const Status compared = compare();
  if (!compared && compared.error().kind != ErrorKind::interrupted) return tl::unexpected(compared.error());
  report.interrupted = !compared;
  summarize(report, target.cores, progress);
  return report;
}

}  // namespace nntune::tuner
