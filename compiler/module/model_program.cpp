#include "compiler/module/model_program.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "compiler/extract/pipeline.h"
#include "compiler/module/program_memory.h"
#include "compiler/rules/permissions.h"

namespace nntune::module {

Expected<std::vector<graph::Phase>> model_phases(const import::ModelConfig& config, graph::DType dtype) {
  std::vector<graph::Phase> phases;
  NNTUNE_ASSIGN(graph::Phase decode, import::build_phase(config, dtype, 1, import::PhaseKind::decode));
  phases.push_back(std::move(decode));
  for (const std::int64_t rows : kPrefillRows) {
    NNTUNE_ASSIGN(graph::Phase prefill, import::build_phase(config, dtype, rows, import::PhaseKind::prefill));
    phases.push_back(std::move(prefill));
  }
  return phases;
}

Expected<extract::Extraction> plan_model(const import::ModelConfig& config, graph::DType dtype, int threads, const Isa& isa,
                                         const extract::CostModel& costs, const PlanLimits& limits,
                                         const PlanExtras& extras) {
  NNTUNE_ASSIGN(const auto phases, model_phases(config, dtype));
  extract::ExtractOptions options;
  options.threads = threads;
  options.rules.isa = isa;
  options.trace_rules = extras.rules;
  options.rules.disabled = limits.without;
  for (const std::string& name : limits.allowed) {
    NNTUNE_ASSIGN(const rules::Permission* permission, rules::find_permission(name));
    options.rules.*permission->member = true;
  }
  options.keep_egraph = extras.egraph;
  options.proof_limit = extras.proof_limit;
  const auto planned = [&]() -> Expected<extract::Extraction> {
    NNTUNE_ASSIGN(extract::Extraction result, limits.pipeline ? extract::extract_by_pipeline(phases, costs, options)
                                                              : extract::extract_explained(phases, costs, options));
    NNTUNE_ASSIGN(result.explanation.memory, program_memory(result.program, config, costs, isa, threads, limits.memory.ctx));
    return result;
  };
  const auto fits = [&](const extract::Extraction& extraction) {
    return static_cast<double>(extraction.explanation.memory->total_bytes()) <= limits.memory.bytes;
  };

  NNTUNE_ASSIGN(extract::Extraction best, planned());
  if (fits(best)) return best;
  // What is not weights depends a little on the program, so its room is known only when there is one.
  constexpr int kAttempts = 3;
  double others_bytes = 0;
  const extract::Extraction* last = &best;
  Expected<extract::Extraction> smaller;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const extract::Explanation& made = last->explanation;
    others_bytes = std::max(others_bytes, static_cast<double>(made.memory->total_bytes()) - made.stored_bytes);
    options.stored_bytes_capacity = std::max(0.0, limits.memory.bytes - others_bytes);
    smaller = planned();
    if (!smaller && smaller.error().kind != ErrorKind::infeasible) return smaller;
    if (!smaller) break;
    if (fits(*smaller)) return smaller;
    last = &*smaller;
  }
  options.smallest = true;
  NNTUNE_ASSIGN(extract::Extraction smallest, planned());
  if (fits(smallest)) return smallest;
  if (!limits.memory.hard) return best;
  const extract::MemoryUse& need = *smallest.explanation.memory;
  return fail(
      ErrorKind::infeasible,
      fmt::format("no program fits into {}: the smallest found needs {} ({} of weights, {} of KV cache for {} tokens, {} "
                  "of buffers)",
                  format_bytes(limits.memory.bytes), format_bytes(static_cast<double>(need.total_bytes())),
                  format_bytes(static_cast<double>(need.weights_bytes)),
                  format_bytes(static_cast<double>(need.kv_cache_bytes)), need.ctx,
                  format_bytes(static_cast<double>(need.activation_bytes + need.scratch_bytes))),
      "allow more with --memory, or take a shorter context (--ctx), a smaller --dtype or a smaller model");
}

}  // namespace nntune::module
