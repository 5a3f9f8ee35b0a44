// Equality saturation of a model by all rules, under the limits of the extraction: what it makes and what it costs.
// NNTUNE_BENCH_RULES=1 prints what each rule did.
#include <benchmark/benchmark.h>

#include "compiler/extract/extract.h"
#include "compiler/import/model.h"
#include "compiler/module/model_program.h"
#include "compiler/rules/registry.h"

#include <fmt/format.h>

#include <cstdlib>

namespace nntune {
namespace {

/// The graphs of some sections of the phases of Qwen3-0.6B; `body` alone: one phase's.
void saturate(benchmark::State& state, bool body, graph::DType dtype, bool all_permissions) {
  const auto target = probe_target();
  const auto model = import::load_model("qwen3-0.6b", {});
  if (!target || !model) return state.SkipWithError("no target or model");
  const auto phases = module::model_phases(model->config, dtype);
  if (!phases) return state.SkipWithError(phases.error().message().c_str());
  const extract::ExtractOptions options;
  rules::RuleOptions permitted{.isa = target->isa};
  permitted.allow_weight_rounding = permitted.allow_reassociation = all_permissions;
  egraph::RunReport report;
  for ([[maybe_unused]] const auto _ : state) {
    std::vector<std::string> weights;
    const auto wanted = [&](const graph::Phase& phase, const graph::Section& section) {
      return !body || (phase.rows == 512 && section.name == "body");
    };
    for (const graph::Phase& phase : *phases) {
      for (const graph::Section& section : phase.sections) {
        for (const graph::Node& node : section.graph.nodes()) {
          if (node.op.kind() == graph::OpKind::weight) weights.push_back(node.op.leaf_name());
        }
      }
    }
    rules::Language language(weights);
    egraph::EGraph graph(language);
    for (const graph::Phase& phase : *phases) {
      for (const graph::Section& section : phase.sections) {
        if (wanted(phase, section) && !language.add(graph, section.graph, phase.name + "." + section.name)) {
          return state.SkipWithError("the graph has no types");
        }
      }
    }
    const auto rules = rules::enabled_rules(graph.symbols(), language, permitted);
    if (!rules) return state.SkipWithError(rules.error().message().c_str());
    report = egraph::run(graph, *rules, options.limits);
    state.counters["nodes"] = static_cast<double>(graph.node_count());
    state.counters["classes"] = static_cast<double>(graph.class_count());
  }
  state.counters["iterations"] = static_cast<double>(report.iterations.size());
  state.SetLabel(report.stop.text());
  if (std::getenv("NNTUNE_BENCH_RULES") != nullptr) fmt::print(stderr, "{}", report.text());
}

BENCHMARK_CAPTURE(saturate, body_bf16, true, graph::DType::bf16, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(saturate, body_f32, true, graph::DType::f32, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(saturate, body_bf16_all_permitted, true, graph::DType::bf16, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(saturate, model_bf16, false, graph::DType::bf16, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(saturate, model_bf16_all_permitted, false, graph::DType::bf16, true)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nntune
